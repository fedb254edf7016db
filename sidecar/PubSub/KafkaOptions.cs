using System.Globalization;
using System.Text.RegularExpressions;
using Confluent.Kafka;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.PubSub;

/// <summary>The metadata of <c>pubsub.kafka</c> (Dapr: reference/components-reference/supported-pubsub/setup-apache-kafka), in librdkafka's terms.</summary>
internal sealed record KafkaOptions
{
    /// <summary>What every client of the cluster needs: addresses, security.</summary>
    public required ClientConfig Client { get; init; }

    /// <summary><c>consumerGroup</c>; null: the consumer id, which is the app id unless <c>consumerID</c> says otherwise.</summary>
    public string? ConsumerGroup { get; init; }

    /// <summary><c>initialOffset</c>: whether a new consumer group starts with the <c>oldest</c> message or, the default, with the <c>newest</c>.</summary>
    public bool FromOldest { get; init; }

    /// <summary><c>consumeRetryEnabled</c>: whether a message that was not taken is tried again, until it is, before the next one of its partition.</summary>
    public bool RetryEnabled { get; init; }

    /// <summary><c>consumeRetryInterval</c>, the pause before that.</summary>
    public TimeSpan RetryInterval { get; init; }

    /// <summary><c>channelBufferSize</c>: how many messages of a partition wait in memory.</summary>
    public int Buffer { get; init; }

    /// <summary><c>escapeHeaders</c>: whether header values are percent-encoded on their way to the app.</summary>
    public bool EscapeHeaders { get; init; }

    /// <summary><c>excludeHeaderMetaRegex</c>: which headers are neither sent nor passed on.</summary>
    public Regex? ExcludedHeaders { get; init; }

    /// <summary>What else the producer needs.</summary>
    public required ProducerConfig Producer { get; init; }

    /// <summary>What else a consumer needs, but for its group.</summary>
    public required ConsumerConfig Consumer { get; init; }

    /// <exception cref="ResourceException">A field is missing or wrong.</exception>
    public static KafkaOptions From(ComponentMetadata metadata)
    {
        var client = ClientOf(metadata);
        var session = Milliseconds(metadata.Duration("sessionTimeout", TimeSpan.FromSeconds(10)));
        var fromOldest = Choice(metadata, "initialOffset", "newest", ("newest", false), ("oldest", true));
        if (metadata.Find("schemaRegistryURL") is not null)
        {
            throw metadata.Invalid("schemaRegistryURL", "nothing: the embedded sidecar does not speak with schema registries");
        }

        // A version says which features a client may use; this one asks the broker.
        metadata.Find("version");
        var producer = new ProducerConfig(new Dictionary<string, string>())
        {
            // The broker has a message when all in-sync replicas have it, once and in order.
            Acks = Acks.All,
            EnableIdempotence = true,

            // After this, publishing has failed; whether the broker has the message after all is unknown, as ever.
            MessageTimeoutMs = 5000,
            LingerMs = 1,
            CompressionType = Choice(metadata, "compression", "none", ("none", CompressionType.None), ("gzip", CompressionType.Gzip), ("snappy", CompressionType.Snappy), ("lz4", CompressionType.Lz4), ("zstd", CompressionType.Zstd)),
            MessageMaxBytes = metadata.Number("maxMessageBytes", 1_000_000, least: 1000, most: 1_000_000_000),
        };

        // daprd's: a key must be in the same partition, whoever publishes.
        producer.Set("partitioner", "fnv1a_random");
        return new()
        {
            Client = client,
            ConsumerGroup = metadata.Find("consumerGroup"),
            FromOldest = fromOldest,
            RetryEnabled = metadata.Flag("consumeRetryEnabled", otherwise: true),
            RetryInterval = RetryIntervalOf(metadata),
            Buffer = metadata.Number("channelBufferSize", 256, least: 1),
            EscapeHeaders = metadata.Flag("escapeHeaders"),
            ExcludedHeaders = ExcludedOf(metadata),
            Producer = producer,
            Consumer = new(new Dictionary<string, string>())
            {
                // An offset is stored when the app has taken the message, and committed soon after.
                EnableAutoOffsetStore = false,
                EnableAutoCommit = true,
                AutoCommitIntervalMs = 1000,
                AutoOffsetReset = fromOldest ? AutoOffsetReset.Earliest : AutoOffsetReset.Latest,
                SessionTimeoutMs = session,
                HeartbeatIntervalMs = Milliseconds(metadata.Duration("heartbeatInterval", TimeSpan.FromSeconds(3))),
                MaxPollIntervalMs = Math.Max(300_000, session),
                FetchMinBytes = metadata.Number("consumerFetchMin", 1, least: 1),
                MaxPartitionFetchBytes = metadata.Number("consumerFetchDefault", 1024 * 1024, least: 1),
                PartitionAssignmentStrategy = Choice(metadata, "consumerGroupRebalanceStrategy", "range",
                    ("range", PartitionAssignmentStrategy.Range), ("roundrobin", PartitionAssignmentStrategy.RoundRobin), ("sticky", PartitionAssignmentStrategy.CooperativeSticky)),

                // librdkafka would otherwise keep 64 MB of each partition at hand.
                QueuedMaxMessagesKbytes = 4096,

                // A topic that nobody has published to yet is one all the same.
                AllowAutoCreateTopics = true,

                // It is made when it is first asked for, and there with the next look: by default that is five minutes later.
                TopicMetadataRefreshIntervalMs = 1000,
            },
        };
    }

    private static ClientConfig ClientOf(ComponentMetadata metadata)
    {
        // Known, whichever of them the authType asks for.
        metadata.Find("authRequired", "saslUsername", "saslPassword", "saslMechanism", "oidcTokenEndpoint", "oidcClientID", "oidcClientSecret", "oidcScopes", "caCert", "clientCert", "clientKey", "skipVerify");
        var hasTls = !metadata.Flag("disableTls");
        var authType = metadata.Find("authType") ?? (metadata.Find("authRequired") is null ? metadata.Required("authType")
            : !metadata.Flag("authRequired") ? "none" : metadata.Find("saslPassword") is null ? "mtls" : "password");
        var client = new ClientConfig(new Dictionary<string, string>())
        {
            BootstrapServers = metadata.Required("brokers"),
            ClientId = metadata.Get("clientID", "sarama"),
            TopicMetadataRefreshIntervalMs = Milliseconds(metadata.Duration("clientConnectionTopicMetadataRefreshInterval", TimeSpan.FromMinutes(8))),
            SocketKeepaliveEnable = metadata.Duration("clientConnectionKeepAliveInterval", TimeSpan.Zero) > TimeSpan.Zero,
            ReconnectBackoffMs = 100,
            ReconnectBackoffMaxMs = 2000,
            SecurityProtocol = hasTls ? SecurityProtocol.Ssl : SecurityProtocol.Plaintext,
        };
        switch (authType.ToLowerInvariant())
        {
            case "none":
                client.SecurityProtocol = SecurityProtocol.Plaintext;
                return client;
            case "password":
                client.SecurityProtocol = hasTls ? SecurityProtocol.SaslSsl : SecurityProtocol.SaslPlaintext;
                client.SaslUsername = metadata.Required("saslUsername");
                client.SaslPassword = metadata.Required("saslPassword");
                client.SaslMechanism = metadata.Find("saslMechanism") switch
                {
                    "SHA-256" => SaslMechanism.ScramSha256,
                    "SHA-512" => SaslMechanism.ScramSha512,
                    _ => SaslMechanism.Plain,
                };
                break;
            case "oidc":
                client.SecurityProtocol = hasTls ? SecurityProtocol.SaslSsl : SecurityProtocol.SaslPlaintext;
                client.SaslMechanism = SaslMechanism.OAuthBearer;
                client.SaslOauthbearerMethod = SaslOauthbearerMethod.Oidc;
                client.SaslOauthbearerTokenEndpointUrl = metadata.Required("oidcTokenEndpoint");
                client.SaslOauthbearerClientId = metadata.Required("oidcClientID");
                client.SaslOauthbearerClientSecret = metadata.Required("oidcClientSecret");
                client.SaslOauthbearerScope = metadata.Get("oidcScopes", "openid").Replace(',', ' ');
                break;
            case "mtls" when !hasTls:
                throw metadata.Invalid("disableTls", "false with authType mtls");
            case "mtls":
                client.SslCertificatePem = metadata.Required("clientCert");
                client.SslKeyPem = metadata.Required("clientKey");
                break;
            case "certificate":
                metadata.Required("caCert");
                break;
            default:
                throw metadata.Invalid("authType", "none, password, oidc, mtls or certificate");
        }

        client.SslCaPem = metadata.Find("caCert");
        client.EnableSslCertificateVerification = !metadata.Flag("skipVerify");
        client.SslEndpointIdentificationAlgorithm = metadata.Flag("skipVerify") ? SslEndpointIdentificationAlgorithm.None : SslEndpointIdentificationAlgorithm.Https;
        return client;
    }

    // A number is one of milliseconds here, unlike elsewhere.
    private static TimeSpan RetryIntervalOf(ComponentMetadata metadata) =>
        uint.TryParse(metadata.Find("consumeRetryInterval"), NumberStyles.None, CultureInfo.InvariantCulture, out var milliseconds)
            ? TimeSpan.FromMilliseconds(milliseconds)
            : metadata.Duration("consumeRetryInterval", TimeSpan.FromMilliseconds(100));

    private static Regex? ExcludedOf(ComponentMetadata metadata)
    {
        try
        {
            return metadata.Find("excludeHeaderMetaRegex") is { } pattern ? new Regex(pattern, RegexOptions.CultureInvariant, TimeSpan.FromSeconds(1)) : null;
        }
        catch (ArgumentException e)
        {
            throw metadata.Invalid("excludeHeaderMetaRegex", $"a regular expression ({e.Message})");
        }
    }

    private static T Choice<T>(ComponentMetadata metadata, string name, string otherwise, params ReadOnlySpan<(string Name, T Value)> choices)
    {
        var given = metadata.Get(name, otherwise);
        var names = new List<string>();
        foreach (var choice in choices)
        {
            if (choice.Name.Equals(given, StringComparison.OrdinalIgnoreCase))
            {
                return choice.Value;
            }

            names.Add(choice.Name);
        }

        throw metadata.Invalid(name, $"one of {string.Join(", ", names)}");
    }

    private static int Milliseconds(TimeSpan duration) => (int)Math.Clamp(duration.TotalMilliseconds, 1, int.MaxValue);
}
