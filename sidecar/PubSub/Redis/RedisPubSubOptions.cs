using Lavka.Sidecar.Redis;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.PubSub.Redis;

/// <summary>The metadata of <c>pubsub.redis</c> (Dapr: reference/components-reference/supported-pubsub/setup-redis-pubsub).</summary>
internal sealed record RedisPubSubOptions
{
    public required RedisOptions Server { get; init; }

    /// <summary>How long a message is to have been with somebody before it is taken to be nobody's; zero: it is never delivered again.</summary>
    public TimeSpan ProcessingTimeout { get; init; }

    /// <summary>How often such messages are looked for; zero: never.</summary>
    public TimeSpan RedeliverInterval { get; init; }

    /// <summary>How many messages are read at once, and how many wait for a worker.</summary>
    public int QueueDepth { get; init; }

    /// <summary>How many messages, of all topics, are worked on at once.</summary>
    public int Concurrency { get; init; }

    /// <summary>About how many messages a stream keeps, read or not; zero: all.</summary>
    public int MaxLenApprox { get; init; }

    /// <summary>How long about a stream keeps its messages, read or not; zero: for good.</summary>
    public TimeSpan StreamTtl { get; init; }

    public bool Redelivers => ProcessingTimeout > TimeSpan.Zero && RedeliverInterval > TimeSpan.Zero;

    /// <exception cref="ResourceException">A field is missing or wrong.</exception>
    public static RedisPubSubOptions From(ComponentMetadata metadata)
    {
        return new()
        {
            Server = RedisOptions.From(metadata),
            ProcessingTimeout = Length("processingTimeout", TimeSpan.FromSeconds(60)),
            RedeliverInterval = Length("redeliverInterval", TimeSpan.FromSeconds(15)),
            QueueDepth = metadata.Number("queueDepth", 100, least: 1),
            Concurrency = metadata.Number("concurrency", 10, least: 1),
            MaxLenApprox = metadata.Number("maxLenApprox", 0),
            StreamTtl = Length("streamTTL", TimeSpan.Zero),
        };

        TimeSpan Length(string field, TimeSpan otherwise) =>
            RedisOptions.Length(metadata, field, otherwise) ?? throw metadata.Invalid(field, "a duration such as 30s, or milliseconds; 0 for none");
    }
}
