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
public sealed class PaymentDeadlineActor(ActorHost host, AggregateStore store) : Actor(host), IPaymentDeadline, IRemindable
{
    public Task Start(double seconds) => RegisterReminderAsync("deadline", null, TimeSpan.FromSeconds(seconds), TimeSpan.FromMilliseconds(-1));

    public Task ReceiveReminderAsync(string reminderName, byte[] state, TimeSpan dueTime, TimeSpan period) =>
        store.Accept<Order>(Order.KeyOf(Id.GetId()), order => order?.CancelUnpaid("It was not paid in time.") ?? Change.Nothing<Order>(), CancellationToken.None);
}
