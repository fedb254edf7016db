namespace Lavka.Sidecar.PubSub;

/// <summary>A message on its way through a broker.</summary>
/// <param name="Topic">The topic it was published to.</param>
/// <param name="Data">The payload: usually a CloudEvent in JSON.</param>
/// <param name="Metadata">The publish request's metadata, for example <c>partitionKey</c>.</param>
internal sealed record Message(string Topic, ReadOnlyMemory<byte> Data, IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>The metadata of most messages.</summary>
    public static IReadOnlyDictionary<string, string> NoMetadata { get; } = new Dictionary<string, string>();
}

/// <summary>Takes a message; completes when it may be forgotten, throws when it must come again.</summary>
internal delegate Task MessageHandler(Message message, CancellationToken stop);

/// <summary>A pub/sub component: a broker, or the way to one.</summary>
internal interface IPubSub : IComponent
{
    /// <summary>Whether the broker itself drops what its TTL has ended; otherwise the sidecar does.</summary>
    bool HandlesTtl => false;

    /// <summary>Whether every subscription of an app gets every message, as in a broker without consumer groups; otherwise they share them.</summary>
    bool IsBroadcast => false;

    /// <summary>Completes when the broker has the messages: from then on they are its to deliver, crash or not, as far as it is durable.</summary>
    Task Publish(IReadOnlyList<Message> messages, CancellationToken stop);

    /// <summary>
    /// Delivers a topic's messages to the handler, at least once each, until disposed of. Completes when what is published from now on will come; when told to stop, with a subscription that
    /// waits for that still.
    /// </summary>
    ValueTask<IAsyncDisposable> Subscribe(SubscribeRequest request, MessageHandler handler, CancellationToken stop);
}

/// <summary>What is subscribed to.</summary>
/// <param name="Topic">The topic.</param>
/// <param name="Consumer">The consumer group: subscribers of one group share the messages.</param>
/// <param name="Metadata">The subscription's metadata, for example RabbitMQ's <c>routingKey</c>.</param>
/// <param name="InFlight">How many messages the handler wants at once, where a broker would otherwise bring one after the other: a bulk subscriber gathers them.</param>
internal sealed record SubscribeRequest(string Topic, string Consumer, IReadOnlyDictionary<string, string> Metadata, int InFlight = 1);

/// <summary>A subscription whose broker tells how far it is behind.</summary>
internal interface ILaggingSubscription
{
    /// <summary>How far the consumer group is behind, for all its members.</summary>
    /// <exception cref="IOException">The broker does not answer.</exception>
    Task<Lag> Lag(CancellationToken stop);
}

/// <summary>How far a consumer group is behind in a topic.</summary>
/// <param name="Waiting">How many messages it has yet to take; those its members are at count.</param>
/// <param name="Kept">How many messages the broker keeps for whoever comes; null: it keeps none that are taken.</param>
internal sealed record Lag(long Waiting, long? Kept);
