using Lavka.Sidecar.Resiliency;

namespace Lavka.Sidecar.PubSub.Delivery;

/// <summary>
/// The way on which a subscription's events get to whoever subscribed: a request to an HTTP app, a call to a gRPC app, a stream that a client has opened.
/// </summary>
internal interface IDelivery
{
    /// <summary>Brings one event, and waits for what is said of it. One try: whoever calls tries again.</summary>
    ValueTask<Attempt<DeliveryAnswer>> Deliver(Routed routed, Message message, CancellationToken cancellationToken);

    /// <summary>Brings several events of one path together.</summary>
    ValueTask<BulkAnswer> DeliverBulk(string path, IReadOnlyList<BulkEntry> entries, CancellationToken cancellationToken);
}

/// <summary>What is said of events that were brought together.</summary>
/// <param name="Answers">By entry id; an event that is missing has not been taken.</param>
/// <param name="StatusCode">The HTTP or gRPC status if none was answered for.</param>
internal readonly record struct BulkAnswer(IReadOnlyDictionary<string, DeliveryAnswer> Answers, int? StatusCode = null)
{
    /// <summary>The same answer for all.</summary>
    public static BulkAnswer Same(IReadOnlyList<BulkEntry> entries, DeliveryAnswer answer) => new(entries.ToDictionary(entry => entry.Id, _ => answer));

    /// <summary>No answer but an error.</summary>
    public static BulkAnswer None(int statusCode) => new(new Dictionary<string, DeliveryAnswer>(), statusCode);
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
