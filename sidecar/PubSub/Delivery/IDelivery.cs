using Lavka.Sidecar.Resiliency;

namespace Lavka.Sidecar.PubSub.Delivery;

/// <summary>The way on which a subscription's events get to whoever subscribed: a request to an HTTP app, a call to a gRPC app, a stream that a client has opened.</summary>
internal interface IDelivery
{
    /// <summary>Brings one event, and waits for what is said of it. One try: whoever calls tries again.</summary>
    ValueTask<Attempt<DeliveryAnswer>> Deliver(Routed routed, Message message, CancellationToken cancellationToken);

    /// <summary>Brings several events of one path together.</summary>
    /// <returns>What is said of them by entry id; one that is missing has not been taken.</returns>
    ValueTask<Attempt<IReadOnlyDictionary<string, DeliveryAnswer>>> DeliverBulk(string path, IReadOnlyList<BulkEntry> entries, CancellationToken cancellationToken);
}

/// <summary>An event among those that are brought together.</summary>
/// <param name="Message">As it came from the broker.</param>
/// <param name="Routed">As it goes to the app.</param>
internal sealed record BulkEntry(Message Message, Routed Routed)
{
    /// <summary>By what the app's answer names it.</summary>
    public string Id { get; } = Guid.NewGuid().ToString();

    /// <summary>Completes when the message may be forgotten, fails when it must come again.</summary>
    public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
}
