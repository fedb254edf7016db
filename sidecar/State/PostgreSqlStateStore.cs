using Lavka.Sidecar.PostgreSql;
using Lavka.Sidecar.Resources;
using Npgsql;
using NpgsqlTypes;

namespace Lavka.Sidecar.State;

/// <summary>
/// <c>state.postgresql</c>, version v2 (Dapr: reference/components-reference/supported-state-stores/setup-postgresql-v2), with daprd's tables: a database may go from the one to
/// the other and back. Its clock counts for TTLs, so that sidecars on several machines agree; as far as a test has moved the sidecar's clock, it is moved too.
/// </summary>
internal sealed partial class PostgreSqlStateStore : IStateStore
{
    private const string Live = "(expires_at IS NULL OR expires_at >= now() + $2)";
    private static readonly TimeSpan LongestCleanUp = TimeSpan.FromMinutes(10);

    // Instances that start together would otherwise find, by a hair, that the last time was just too recent.
    private static readonly TimeSpan Slack = TimeSpan.FromMilliseconds(100);

    private readonly PostgreSqlDatabase _database;
    private readonly PostgreSqlStateTables _tables;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly TimeSpan _cleanUpInterval;
    private readonly CancellationTokenSource _closed = new();
    private ITimer? _cleanUp;

    public PostgreSqlStateStore(ComponentMetadata metadata, TimeProvider time, ILoggerFactory logs)
    {
        _time = time;
        _log = logs.CreateLogger<PostgreSqlStateStore>();
        _tables = new(metadata);
        _cleanUpInterval = metadata.Duration("cleanupInterval", TimeSpan.FromHours(1), "cleanupIntervalInSeconds");
        _database = new(PostgreSqlOptions.From(metadata), logs.CreateLogger<PostgreSqlDatabase>());
    }

    public IReadOnlyList<string> Capabilities { get; } = ["ETAG", "TRANSACTIONAL", "TTL", "KEYS_LIKE", "ACTOR"];

    private TimeSpan Moved => _time == TimeProvider.System ? TimeSpan.Zero : _time.GetUtcNow() - DateTimeOffset.UtcNow;

    public async Task Start(CancellationToken stop)
    {
        await _database.Connect(stop);
        await _database.Ask(async (connection, token) =>
        {
            await _tables.Make(connection, token);
            return true;
        }, stop);
        if (_cleanUpInterval > TimeSpan.Zero)
        {
            _cleanUp = _time.CreateTimer(_ => _ = CleanUp(), null, _cleanUpInterval, _cleanUpInterval);
        }
    }

    public ValueTask<StateItem?[]> Get(IReadOnlyList<string> keys, CancellationToken stop) => _database.Ask(async (connection, token) =>
    {
        await using var command = new NpgsqlCommand($"SELECT key, value, etag, expires_at FROM {_tables.State} WHERE key = ANY($1) AND {Live}", connection)
        {
            Parameters = { new NpgsqlParameter<string[]> { TypedValue = [.. keys] }, Interval(Moved) },
        };
        var items = new Dictionary<string, StateItem>(keys.Count);
        await using var reader = await command.ExecuteReaderAsync(token);
        while (await reader.ReadAsync(token))
        {
            items[reader.GetString(0)] = new(reader.GetFieldValue<byte[]>(1), reader.GetGuid(2).ToString(), reader.IsDBNull(3) ? null : reader.GetFieldValue<DateTimeOffset>(3));
        }

        return keys.Select(key => items.GetValueOrDefault(key)).ToArray();
    }, stop);

    public long TtlSeconds(string text) => SqlTtl.Seconds(text);

    public async ValueTask Apply(IReadOnlyList<StateOperation> operations, CancellationToken stop)
    {
        // What happens to one key does not depend on another's, so the order of the keys will do as well; and two transactions in that order do not wait for each other.
        var ordered = operations.OrderBy(operation => operation.Key, StringComparer.Ordinal).Select(operation => (Operation: operation, ETag: ETag(operation))).ToList();
        if (ordered.Count > 0 && !await _database.Change(Statements, IsRight, stop))
        {
            throw new ETagMismatchException(null);
        }

        NpgsqlBatch Statements()
        {
            var batch = new NpgsqlBatch();
            ordered.ForEach(item => batch.BatchCommands.Add(item.Operation.Value is null ? Delete(item.Operation, item.ETag) : Save(item.Operation, item.ETag)));
            return batch;
        }

        bool IsRight(NpgsqlBatch batch) => ordered.Index().All(item => batch.BatchCommands[item.Index].RecordsAffected > 0 || item.Item.Operation is { Value: null, ETag: null });
    }

    public ValueTask<IReadOnlyList<KeyValuePair<string, byte[]>>> Scan(string prefix, CancellationToken stop) => _database.Ask(async (connection, token) =>
    {
        await using var command = new NpgsqlCommand($"SELECT key, value FROM {_tables.State} WHERE starts_with(key, $1) AND {Live}", connection)
        {
            Parameters = { Text(prefix), Interval(Moved) },
        };
        var found = new List<KeyValuePair<string, byte[]>>();
        await using var reader = await command.ExecuteReaderAsync(token);
        while (await reader.ReadAsync(token))
        {
            found.Add(new(reader.GetString(0), reader.GetFieldValue<byte[]>(1)));
        }

        return (IReadOnlyList<KeyValuePair<string, byte[]>>)found;
    }, stop);

    public async ValueTask DisposeAsync()
    {
        _cleanUp?.Dispose();
        await _closed.CancelAsync();
        await _database.DisposeAsync();
        _closed.Dispose();
    }

    /// <summary>Deletes what has expired. False: this sidecar or another did so less than an interval ago.</summary>
    internal ValueTask<bool> DeleteExpired(CancellationToken stop) => _database.Ask(async (connection, token) =>
    {
        await using var claim = new NpgsqlCommand($"""
            INSERT INTO {_tables.Metadata} AS m (key, value) VALUES ($1, (now() + $2)::text)
            ON CONFLICT (key) DO UPDATE SET value = excluded.value WHERE m.value::timestamptz < now() + $2 - $3
            """, connection) { Parameters = { Text(_tables.LastCleanUp), Interval(Moved), Interval(_cleanUpInterval - Slack) } };
        if (await claim.ExecuteNonQueryAsync(token) == 0)
        {
            return false;
        }

        await using var delete = new NpgsqlCommand($"DELETE FROM {_tables.State} WHERE expires_at < now() + $1", connection) { Parameters = { Interval(Moved) } };
        await delete.ExecuteNonQueryAsync(token);
        return true;
    }, stop, LongestCleanUp);

    private async Task CleanUp()
    {
        try
        {
            await DeleteExpired(_closed.Token);
        }
        catch (Exception e) when (e is IOException or TimeoutException)
        {
            LogNotCleaned(e.Message);
        }
        catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
        {
            // The store is closed.
        }
    }

    private static Guid? ETag(StateOperation operation) => operation.ETag is not { } text ? null
        : Guid.TryParse(text, out var etag) ? etag
        : throw new ETagMismatchException(text.Length is 32 or 36 or 38 or 45 ? "invalid UUID format" : $"invalid UUID length: {text.Length}");

    private NpgsqlBatchCommand Delete(StateOperation operation, Guid? etag) => etag is null
        ? new($"DELETE FROM {_tables.State} WHERE key = $1") { Parameters = { Text(operation.Key) } }
        : new($"DELETE FROM {_tables.State} WHERE key = $1 AND etag = $2") { Parameters = { Text(operation.Key), new NpgsqlParameter<Guid> { TypedValue = etag.Value } } };

    private NpgsqlBatchCommand Save(StateOperation operation, Guid? etag)
    {
        const string updated = "updated_at = now(), etag = gen_random_uuid()";
        var insert = $"""
            INSERT INTO {_tables.State} AS s (key, expires_at, value, etag) VALUES ($1, now() + $3, $4, gen_random_uuid())
            ON CONFLICT (key) DO UPDATE SET value = excluded.value, expires_at = excluded.expires_at, {updated}
            """;
        var moved = Moved;
        var statement = new NpgsqlBatchCommand(
            etag is not null ? $"UPDATE {_tables.State} SET value = $4, expires_at = now() + $3, {updated} WHERE key = $1 AND etag = $5 AND {Live}"
            : operation.FirstWrite ? $"{insert} WHERE s.expires_at < now() + $2"
            : insert)
        {
            Parameters = { Text(operation.Key), Interval(moved), Interval(operation.Ttl + moved), new NpgsqlParameter<byte[]> { TypedValue = operation.Value! } },
        };
        if (etag is not null)
        {
            statement.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = etag.Value });
        }

        return statement;
    }

    private static NpgsqlParameter Text(string text) => new NpgsqlParameter<string> { TypedValue = text };

    private static NpgsqlParameter Interval(TimeSpan? length) => new() { NpgsqlDbType = NpgsqlDbType.Interval, Value = length is { } some ? some : DBNull.Value };

    [LoggerMessage(Level = LogLevel.Warning, Message = "Expired state was not deleted: {Reason}")]
    private partial void LogNotCleaned(string reason);
}
