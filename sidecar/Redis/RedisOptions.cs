using System.Globalization;
using System.Net;
using Lavka.Sidecar.Resources;
using StackExchange.Redis;

namespace Lavka.Sidecar.Redis;

/// <summary>How to reach a Redis: the metadata that Dapr's Redis components share (Dapr: reference/components-reference/supported-state-stores/setup-redis).</summary>
internal sealed record RedisOptions
{
    private const int DefaultPort = 6379;
    private static readonly TimeSpan DefaultRetryPause = TimeSpan.FromMilliseconds(8);
    private static readonly TimeSpan DefaultMostRetryPause = TimeSpan.FromMilliseconds(512);

    // Of no use to one connection that all commands share. daprd keeps a pool.
    private static readonly string[] PoolSettings = ["poolTimeout", "maxConnAge", "idleTimeout", "idleCheckFrequency"];

    public required string Name { get; init; }

    /// <summary>The servers; with <see cref="SentinelMaster"/> the sentinels.</summary>
    public required IReadOnlyList<EndPoint> EndPoints { get; init; }

    public string? User { get; init; }

    public string? Password { get; init; }

    public int Database { get; init; }

    public bool IsCluster { get; init; }

    /// <summary>The name by which the sentinels know the server; null: there are no sentinels.</summary>
    public string? SentinelMaster { get; init; }

    public string? SentinelUser { get; init; }

    public string? SentinelPassword { get; init; }

    /// <summary>How long a connection may take to be made.</summary>
    public TimeSpan DialTimeout { get; init; }

    /// <summary>How long a command may take; null: as long as it wants.</summary>
    public TimeSpan? Timeout { get; init; }

    /// <summary>How often a command is sent again whose connection was lost.</summary>
    public int MaxRetries { get; init; }

    /// <summary>The pause before a command is sent again for the first time; it doubles from then on.</summary>
    public TimeSpan RetryPause { get; init; }

    public TimeSpan MostRetryPause { get; init; }

    public bool UsesTls { get; init; }

    /// <summary>Whether any certificate is taken for the server's.</summary>
    public bool SkipsVerification { get; init; }

    public required TlsOptions Tls { get; init; }

    /// <summary>The server, for messages.</summary>
    public string Where => SentinelMaster is null ? $"Redis at {Addresses}" : $"Redis '{SentinelMaster}' of the sentinels at {Addresses}";

    private string Addresses => string.Join(", ", EndPoints.Select(Text));

    /// <param name="metadata">The component's fields.</param>
    /// <param name="leastPause">The pause before a first retry where no field says it.</param>
    /// <param name="mostPause">The longest one.</param>
    /// <exception cref="ResourceException">A field is missing or wrong. The message never has a password.</exception>
    public static RedisOptions From(ComponentMetadata metadata, TimeSpan? leastPause = null, TimeSpan? mostPause = null)
    {
        if (new[] { "useEntraID", "useAzureAD", "useOIDC" }.FirstOrDefault(field => metadata.Flag(field)) is { } cloud)
        {
            throw metadata.Error($"the metadata field '{cloud}' of {metadata.Type} is on; this sidecar signs in with a user and a password, or a client certificate, only.");
        }

        var isCluster = metadata.Get("redisType", "node") switch
        {
            "node" => false,
            "cluster" => true,
            _ => throw metadata.Invalid("redisType", "node or cluster"),
        };
        var failover = metadata.Flag("failover");
        if (isCluster && failover)
        {
            throw metadata.Error($"the metadata fields 'redisType' and 'failover' of {metadata.Type} ask for a cluster and for sentinels; allowed is one of them.");
        }

        var (database, master) = (metadata.Number("redisDB", 0), metadata.Find("sentinelMasterName"));
        var endPoints = ReadEndPoints(metadata);
        if (endPoints.Count > 1 && !isCluster && !failover)
        {
            throw metadata.Invalid("redisHost", "one address; several are for redisType: cluster, or for sentinels (failover)");
        }

        if (failover && master is null)
        {
            throw metadata.Error($"the metadata field 'sentinelMasterName' of {metadata.Type} is required with failover: what do the sentinels at redisHost call the server?");
        }

        var (read, write) = (Length(metadata, "readTimeout", TimeSpan.FromSeconds(3)), Length(metadata, "writeTimeout", TimeSpan.Zero));
        _ = (metadata.Number("poolSize", 0), metadata.Number("minIdleConns", 0), PoolSettings.Select(field => Length(metadata, field, TimeSpan.Zero)).ToList());
        return new()
        {
            Name = metadata.Name,
            EndPoints = endPoints,
            User = metadata.Find("redisUsername"),
            Password = metadata.Find("redisPassword"),
            Database = isCluster ? 0 : database,
            IsCluster = isCluster,
            SentinelMaster = failover ? master : null,
            SentinelUser = metadata.Find("sentinelUsername"),
            SentinelPassword = metadata.Find("sentinelPassword"),
            DialTimeout = Length(metadata, "dialTimeout", TimeSpan.FromSeconds(5)) is { } dial && dial > TimeSpan.Zero ? dial : throw metadata.Invalid("dialTimeout", "a duration such as 5s, or milliseconds"),
            Timeout = read is null || write is null ? null : read > write ? read : write,
            MaxRetries = Retries(metadata),
            RetryPause = Length(metadata, "redisMinRetryInterval", leastPause ?? DefaultRetryPause) ?? TimeSpan.Zero,
            MostRetryPause = MostPause(metadata, mostPause ?? DefaultMostRetryPause),
            UsesTls = metadata.Flag("enableTLS"),
            SkipsVerification = metadata.Flag("insecureSkipTLSVerify"),
            Tls = ReadTls(metadata),
        };
    }

    /// <summary>A length of time as Dapr's Redis components take it: Go's notation, or a number of milliseconds.</summary>
    /// <returns>Null: none, which they write -1.</returns>
    public static TimeSpan? Length(ComponentMetadata metadata, string field, TimeSpan otherwise) =>
        metadata.Find(field) is not { } text ? otherwise
        : !Durations.TryParseGoOrMilliseconds(text, out var length) ? throw metadata.Invalid(field, "a duration such as 500ms or 30s, or milliseconds")
        : length < TimeSpan.Zero ? null
        : length;

    /// <summary>What the client is to be made with.</summary>
    public ConfigurationOptions Client()
    {
        var client = new ConfigurationOptions
        {
            ClientName = $"lavka-{string.Concat(Name.Where(char.IsAsciiLetterOrDigit))}",
            DefaultDatabase = Database,
            ServiceName = SentinelMaster,
            ConnectTimeout = (int)Math.Min(DialTimeout.TotalMilliseconds, int.MaxValue),
            SyncTimeout = Milliseconds(Timeout),
            AsyncTimeout = Milliseconds(Timeout),
            ConnectRetry = 1,

            // Two answers of one shape, whichever protocol the server speaks; Redis 5 has this one alone.
            Protocol = RedisProtocol.Resp2,

            // CONFIG, for keyspace notifications, and CLIENT, to end a read that waits.
            AllowAdmin = true,
            ReconnectRetryPolicy = new LinearRetry(200),
            Ssl = UsesTls,
        };
        foreach (var endPoint in EndPoints)
        {
            client.EndPoints.Add(endPoint);
        }

        // An empty password is one that Redis refuses.
        (client.User, client.Password) = (User, Password);
        if (SentinelMaster is not null)
        {
            (client.SentinelUser, client.SentinelPassword) = (SentinelUser ?? "", SentinelPassword ?? "");
        }

        if (Tls.Client is { } certificate)
        {
            client.CertificateSelection += (_, _, _, _, _) => certificate;
        }

        return client;
    }

    private static int Milliseconds(TimeSpan? length) => length is { } some && some.TotalMilliseconds is > 0 and < int.MaxValue ? (int)some.TotalMilliseconds : int.MaxValue;

    private static string Text(EndPoint endPoint) => endPoint is DnsEndPoint name ? $"{name.Host}:{name.Port}" : $"{endPoint}";

    private static List<EndPoint> ReadEndPoints(ComponentMetadata metadata)
    {
        var port = metadata.Number("redisPort", 0, 0, ushort.MaxValue);
        return [.. metadata.Required("redisHost").Split(',', StringSplitOptions.TrimEntries).Select(address =>
        {
            // What has a user or a scheme in it is not shown: a password may be there, too.
            if (address.Contains('@', StringComparison.Ordinal) || address.Contains("//", StringComparison.Ordinal))
            {
                throw metadata.Error($"the metadata field 'redisHost' of {metadata.Type} is no URL; allowed is host:port. The user is redisUsername, the password redisPassword.");
            }

            var colon = address.LastIndexOf(':');
            var hasPort = colon > address.LastIndexOf(']') && address.IndexOf(':', StringComparison.Ordinal) == colon || address.Contains("]:", StringComparison.Ordinal);
            var (host, own) = hasPort ? (address[..colon], address[(colon + 1)..]) : (address, "");
            var number = port > 0 ? port : DefaultPort;
            if (host.Length == 0 || (hasPort && !(int.TryParse(own, NumberStyles.None, CultureInfo.InvariantCulture, out number) && number is > 0 and <= ushort.MaxValue)))
            {
                throw metadata.Invalid("redisHost", "host:port, or for a cluster or sentinels several with commas between them");
            }

            if (port > 0 && number != port)
            {
                throw metadata.Error($"the metadata fields 'redisHost' and 'redisPort' of {metadata.Type} name two ports, {number} and {port}; leave one out.");
            }

            return IPAddress.TryParse(host.Trim('[', ']'), out var ip) ? (EndPoint)new IPEndPoint(ip, number) : new DnsEndPoint(host, number);
        })];
    }

    /// <summary>-1 is no retry; nothing, and 0, are the default.</summary>
    private static int Retries(ComponentMetadata metadata)
    {
        const int usual = 3;
        var older = metadata.Number("maxRetries", usual, least: -1);
        return metadata.Number("redisMaxRetries", older, least: -1) switch { -1 => 0, 0 => usual, var retries => retries };
    }

    /// <summary>The older field is in Go's nanoseconds.</summary>
    private static TimeSpan MostPause(ComponentMetadata metadata, TimeSpan otherwise)
    {
        if (metadata.Find("maxRetryBackoff") is { } older)
        {
            otherwise = long.TryParse(older, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var nanoseconds)
                ? TimeSpan.FromTicks(Math.Max(nanoseconds, 0) / TimeSpan.NanosecondsPerTick)
                : throw metadata.Invalid("maxRetryBackoff", "a number of nanoseconds, or -1");
        }

        return Length(metadata, "redisMaxRetryInterval", otherwise) ?? TimeSpan.Zero;
    }

    private static TlsOptions ReadTls(ComponentMetadata metadata) => metadata.Find("clientCert") is null == metadata.Find("clientKey") is null ? TlsOptions.From(metadata)
        : throw metadata.Error($"the metadata fields 'clientCert' and 'clientKey' of {metadata.Type} go together; one of them is missing.");
}
