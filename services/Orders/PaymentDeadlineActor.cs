using Dapr.Actors;
using Dapr.Actors.Runtime;
using Lavka.ServiceDefaults;

namespace Lavka.Orders;

/// <summary>Waits for an order's payment, across restarts.</summary>
public interface IPaymentDeadline : IActor
{
    /// <summary>Calls the order off if it is not paid after so many seconds. To start it again changes nothing but the time.</summary>
    Task Start(double seconds);
}

/// <summary>The deadline of one order; the actor's id is the order's.</summary>
public sealed class PaymentDeadlineActor(ActorHost host, AggregateStore store, TimeProvider time) : Actor(host), IPaymentDeadline, IRemindable
{
    private const string Reminder = "deadline";

    // Dapr gives a reminder that fails up after a few tries; the next one comes after this.
    private static readonly TimeSpan Again = TimeSpan.FromSeconds(30);

    public Task Start(double seconds) => RegisterReminderAsync(Reminder, null, TimeSpan.FromSeconds(seconds), Again);

    public async Task ReceiveReminderAsync(string reminderName, byte[] state, TimeSpan dueTime, TimeSpan period)
    {
        await store.Accept<Order>(Order.KeyOf(Id.GetId()), order => order?.CancelUnpaid("It was not paid in time.", time.GetUtcNow()) ?? Change.Nothing<Order>(), CancellationToken.None);
        await UnregisterReminderAsync(Reminder);
    }
}
