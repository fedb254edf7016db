using System.Globalization;
using Lavka.Sidecar.Resources;
using Npgsql;

namespace Lavka.Sidecar.PostgreSql;

/// <summary>How to reach a PostgreSQL: the metadata that Dapr's PostgreSQL components share (Dapr: reference/components-reference/supported-state-stores/setup-postgresql-v2).</summary>
internal sealed record PostgreSqlOptions
{
    // daprd's default.
    private const int LeastDefaultConnections = 4;
    private const int Statements = 32;
    private const int MostConnectSeconds = 1024;

    private static readonly Dictionary<string, SslMode> SslModes = new()
    {
        ["disable"] = SslMode.Disable,
        ["allow"] = SslMode.Allow,
        ["prefer"] = SslMode.Prefer,
        ["require"] = SslMode.Require,
        ["verify-ca"] = SslMode.VerifyCA,
        ["verify-full"] = SslMode.VerifyFull,
    };

    // With the first, statements are prepared on the server. The others are for poolers in between that cannot have that, and come to the same here.
    private static readonly string[] QueryModes = ["cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"];

    private static readonly Dictionary<string, Action<NpgsqlConnectionStringBuilder, string>> Keywords = new()
    {
        ["host"] = (c, value) => c.Host = value.Contains(',', StringComparison.Ordinal) ? throw new FormatException("'host' names several hosts; allowed is one") : value,
        ["hostaddr"] = (c, value) => c.Host = value,
        ["port"] = (c, value) => c.Port = Number("port", value, least: 1, most: 65535),
        ["dbname"] = (c, value) => c.Database = value,
        ["user"] = (c, value) => c.Username = value,
        ["password"] = (c, value) => c.Password = value,
        ["passfile"] = (c, value) => c.Passfile = value,
        ["connect_timeout"] = (c, value) => c.Timeout = Number("connect_timeout", value, least: 0, most: MostConnectSeconds),
        ["application_name"] = (c, value) => c.ApplicationName = value,
        ["options"] = (c, value) => c.Options = value,
        ["search_path"] = (c, value) => c.SearchPath = value,
        ["timezone"] = (c, value) => c.Timezone = value,
        ["client_encoding"] = (c, value) => c.ClientEncoding = value.ToUpperInvariant() is "UTF8" or "UTF-8" ? "UTF8" : throw new FormatException($"'client_encoding' is '{value}'; allowed is UTF8"),
        ["sslmode"] = (c, value) => c.SslMode = SslModes.TryGetValue(value, out var mode) ? mode
            : throw new FormatException($"'sslmode' is '{value}'; allowed are {string.Join(", ", SslModes.Keys)}"),
        ["sslrootcert"] = (c, value) => c.RootCertificate = value,
        ["sslcert"] = (c, value) => c.SslCertificate = value,
        ["sslkey"] = (c, value) => c.SslKey = value,
        ["sslpassword"] = (c, value) => c.SslPassword = value,
        ["pool_max_conns"] = (c, value) => c.MaxPoolSize = Number("pool_max_conns", value, least: 1),
        ["pool_min_conns"] = (c, value) => c.MinPoolSize = Number("pool_min_conns", value, least: 0),
        ["pool_max_conn_lifetime"] = (c, value) => c.ConnectionLifetime = Seconds("pool_max_conn_lifetime", value),
        ["pool_max_conn_idle_time"] = (c, value) => Idle(c, TimeSpan.FromSeconds(Seconds("pool_max_conn_idle_time", value))),
    };

    /// <summary>Everything but what <see cref="TlsHost"/> says.</summary>
    public required NpgsqlConnectionStringBuilder Connection { get; init; }

    /// <summary>The name that the server's certificate must have where it is not the address that is connected to (<c>hostaddr</c>).</summary>
    public string? TlsHost { get; init; }

    /// <summary>How long a call may take, with the wait for a connection.</summary>
    public TimeSpan Timeout { get; init; }

    /// <summary>The server and the database, for messages.</summary>
    public string Where => $"PostgreSQL at {Connection.Host}:{Connection.Port}, database '{Connection.Database ?? Connection.Username}'";

    /// <exception cref="ResourceException">A field is missing or wrong. The message never has the password.</exception>
    public static PostgreSqlOptions From(ComponentMetadata metadata)
    {
        if (new[] { "useAzureAD", "useAWSIAM" }.FirstOrDefault(field => metadata.Flag(field)) is { } cloud)
        {
            throw metadata.Error($"the metadata field '{cloud}' of {metadata.Type} is on; this sidecar signs in with a password or a client certificate only.");
        }

        var timeout = metadata.Duration("timeout", TimeSpan.FromSeconds(20), "timeoutInSeconds");
        if (timeout < TimeSpan.FromSeconds(1))
        {
            throw metadata.Invalid("timeout", "a duration from 1s");
        }

        try
        {
            var values = Values(metadata);
            var connection = Build(values);
            if (metadata.Number("maxConns", 0, least: int.MinValue) is > 0 and var most)
            {
                connection.MaxPoolSize = most;
            }

            if (metadata.Duration("connectionMaxIdleTime", TimeSpan.Zero) is var idle && idle > TimeSpan.Zero)
            {
                Idle(connection, idle);
            }

            var mode = metadata.Get("queryExecMode", QueryModes[0]);
            connection.MaxAutoPrepare = !QueryModes.Contains(mode) ? throw metadata.Invalid("queryExecMode", string.Join(", ", QueryModes)) : mode == QueryModes[0] ? Statements : 0;
            connection.Timeout = connection.Timeout > 0 ? connection.Timeout : (int)Math.Ceiling(Math.Min(timeout.TotalSeconds, MostConnectSeconds));
            connection.MinPoolSize = Math.Min(connection.MinPoolSize, connection.MaxPoolSize);
            return new()
            {
                Connection = connection,
                TlsHost = values.ContainsKey("hostaddr") ? values.GetValueOrDefault("host") : null,
                Timeout = timeout,
            };
        }
        catch (FormatException e)
        {
            throw metadata.Error($"the metadata field 'connectionString' of {metadata.Type} cannot be used: {e.Message}.");
        }
    }

    /// <summary>The connection string's values; the component's own fields go before them, as in daprd.</summary>
    private static Dictionary<string, string> Values(ComponentMetadata metadata)
    {
        var text = metadata.Find("connectionString", "url");
        var values = LibpqConnectionString.Parse(text ?? "", [.. Keywords.Keys, "database"]);
        if (values.Remove("database", out var database))
        {
            values["dbname"] = database;
        }

        foreach (var (field, keyword) in new[]
        {
            ("host", "host"), ("hostaddr", "hostaddr"), ("port", "port"), ("database", "dbname"), ("user", "user"), ("password", "password"), ("sslRootCert", "sslrootcert"),
        })
        {
            if (metadata.Find(field) is { } value)
            {
                values[keyword] = value;
            }
        }

        foreach (var keyword in new[] { "passfile", "sslrootcert", "sslcert", "sslkey" })
        {
            if (values.TryGetValue(keyword, out var path))
            {
                values[keyword] = metadata.InputPath(path) is var file && File.Exists(file) ? file : throw new FormatException($"the file of '{keyword}', {path}, is not there");
            }
        }

        return text is null && values.Count == 0 ? throw metadata.Error($"the metadata field 'connectionString' of {metadata.Type} is required.") : values;
    }

    private static NpgsqlConnectionStringBuilder Build(Dictionary<string, string> values)
    {
        var connection = new NpgsqlConnectionStringBuilder
        {
            Host = "localhost",
            MaxPoolSize = Math.Max(LeastDefaultConnections, Environment.ProcessorCount),
            AutoPrepareMinUsages = 2,
            TcpKeepAlive = true,

            // Each call has its own limit, and leaves nothing behind in the session.
            Timeout = 0,
            CommandTimeout = 0,
            NoResetOnClose = true,
            Enlist = false,
        };

        // The address after the name: where both are given, it is connected to.
        foreach (var (keyword, value) in values.OrderBy(pair => pair.Key == "hostaddr"))
        {
            var set = Keywords.GetValueOrDefault(keyword)
                ?? throw new FormatException($"the keyword '{keyword}' is unknown; known are {string.Join(", ", Keywords.Keys.Append("database").Order(StringComparer.Ordinal))}");
            set(connection, value);
        }

        // As in libpq: whoever names the roots wants the certificate checked.
        if (connection is { SslMode: SslMode.Require, RootCertificate: not null })
        {
            connection.SslMode = SslMode.VerifyCA;
        }

        return connection;
    }

    private static void Idle(NpgsqlConnectionStringBuilder connection, TimeSpan most)
    {
        connection.ConnectionIdleLifetime = Math.Max(1, (int)most.TotalSeconds);
        connection.ConnectionPruningInterval = Math.Min(connection.ConnectionPruningInterval, connection.ConnectionIdleLifetime);
    }

    // Without the value: in a URL whose password has a / or ? that is not escaped, the port is the password.
    private static int Number(string keyword, string value, int least, int most = int.MaxValue) =>
        int.TryParse(value, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most ? number
        : throw new FormatException($"'{keyword}' is wrong; allowed is a whole number from {least}{(most == int.MaxValue ? "" : $" to {most}")}");

    private static int Seconds(string keyword, string value) => Durations.TryParseGo(value, out var duration) && duration > TimeSpan.Zero ? Math.Max(1, (int)Math.Min(int.MaxValue, duration.TotalSeconds))
        : throw new FormatException($"'{keyword}' is '{value}'; allowed is a duration such as 30m or 1h");
}
