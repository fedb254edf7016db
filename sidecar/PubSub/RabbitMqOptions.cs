using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.PubSub;

/// <summary>The metadata of <c>pubsub.rabbitmq</c> (Dapr: reference/components-reference/supported-pubsub/setup-rabbitmq).</summary>
internal sealed record RabbitMqOptions
{
    public required Uri Address { get; init; }

    public string? ClientName { get; init; }

    public TimeSpan Heartbeat { get; init; }

    public TimeSpan ReconnectWait { get; init; }

    public bool Durable { get; init; }

    public bool DeletedWhenUnused { get; init; }

    public bool AutoAck { get; init; }

    public bool RequeueInFailure { get; init; }

    public bool EnableDeadLetter { get; init; }

    public bool PublisherConfirm { get; init; }

    public bool Persistent { get; init; }

    public ushort PrefetchCount { get; init; }

    public bool Parallel { get; init; }

    public required string ExchangeKind { get; init; }

    public long MaxLen { get; init; }

    public long MaxLenBytes { get; init; }

    public TimeSpan? Ttl { get; init; }

    public required TlsOptions Tls { get; init; }

    /// <exception cref="ResourceException">A field is missing or wrong.</exception>
    public static RabbitMqOptions From(ComponentMetadata metadata)
    {
        var text = metadata.Find("connectionString", "host");
        var (protocol, hostname) = (metadata.Get("protocol", "amqp"), metadata.Get("hostname", "localhost"));
        var (user, password) = (metadata.Find("username"), metadata.Find("password"));
        text ??= $"{protocol}://{(user is null ? "" : $"{Uri.EscapeDataString(user)}:{Uri.EscapeDataString(password ?? "")}@")}{hostname}";
        if (!Uri.TryCreate(text, UriKind.Absolute, out var address) || address.Scheme is not ("amqp" or "amqps") || !IsWhole(address))
        {
            throw metadata.Error($"the metadata field 'connectionString' of {metadata.Type} cannot be used; allowed is an address such as amqp://user:password@localhost:5672, "
                + "where a / : ? # or @ in the user or the password is written %2F, %3A, %3F, %23 or %40.");
        }

        var ttl = metadata.Duration("ttlInSeconds", TimeSpan.Zero);
        return new()
        {
            Address = address,
            ClientName = metadata.Find("clientName"),
            Heartbeat = metadata.Duration("heartBeat", TimeSpan.FromSeconds(10)),
            ReconnectWait = metadata.Duration("reconnectWaitSeconds", TimeSpan.FromSeconds(3)),
            Durable = metadata.Flag("durable", otherwise: true),
            DeletedWhenUnused = metadata.Flag("deletedWhenUnused", otherwise: true),
            AutoAck = metadata.Flag("autoAck"),
            RequeueInFailure = metadata.Flag("requeueInFailure"),
            EnableDeadLetter = metadata.Flag("enableDeadLetter"),
            PublisherConfirm = metadata.Flag("publisherConfirm", otherwise: true),
            Persistent = metadata.Number("deliveryMode", 0, 0, 2) == 2,
            PrefetchCount = (ushort)metadata.Number("prefetchCount", 0, 0, 255),
            Parallel = metadata.Get("concurrencyMode", "parallel") switch
            {
                "parallel" => true,
                "single" => false,
                _ => throw metadata.Invalid("concurrencyMode", "parallel or single"),
            },
            ExchangeKind = metadata.Get("exchangeKind", "fanout") is "fanout" or "topic" or "direct" or "headers"
                ? metadata.Get("exchangeKind", "fanout")
                : throw metadata.Invalid("exchangeKind", "fanout, topic, direct or headers"),
            MaxLen = metadata.Number("maxLen", 0),
            MaxLenBytes = metadata.Number("maxLenBytes", 0),
            Ttl = ttl > TimeSpan.Zero ? ttl : null,
            Tls = TlsOptions.From(metadata),
        };
    }

    /// <summary>Whether no half of a password is where the host, the port or the virtual host is expected: those are shown in messages.</summary>
    private static bool IsWhole(Uri address) =>
        address.Fragment.Length == 0 && !address.PathAndQuery.Contains('@', StringComparison.Ordinal) && address.UserInfo.Count(c => c == ':') <= 1;
}
