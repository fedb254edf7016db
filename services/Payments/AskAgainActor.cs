using Dapr.Actors;
using Dapr.Actors.Client;
using Dapr.Actors.Runtime;
using Lavka.ServiceDefaults;

namespace Lavka.Payments;

/// <summary>Asks the provider again, across restarts.</summary>
public interface IAskAgainActor : IActor
{
    /// <summary>Asks until the provider has said what became of the charge.</summary>
    Task Start();
}

/// <summary>One order's question to the provider; the actor's id is the order's.</summary>
public sealed class AskAgainActor(ActorHost host, AggregateStore store, Charging charging) : Actor(host), IAskAgainActor, IRemindable
{
    private const string Reminder = "ask-again";
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    public Task Start() => RegisterReminderAsync(Reminder, null, Interval, Interval);

    public async Task ReceiveReminderAsync(string reminderName, byte[] state, TimeSpan dueTime, TimeSpan period)
    {
        // The payment is saved before the reminder is set. Where a database was restored that knows nothing of it, there is nothing to ask.
        if (await store.Find<Payment>(Payment.KeyOf(Id.GetId()), CancellationToken.None) is not { } payment || await charging.Run(payment, CancellationToken.None))
        {
            await UnregisterReminderAsync(Reminder);
        }
    }
}

/// <summary>Asks again by an actor's reminder.</summary>
public sealed class AskAgainByActor(IActorProxyFactory actors) : IAskAgain
{
    public Task Start(string orderId) => actors.CreateActorProxy<IAskAgainActor>(new ActorId(orderId), nameof(AskAgainActor)).Start();
}
