using System.Globalization;
using System.Text.Unicode;
using Lavka.Sidecar.Sqlite;

namespace Lavka.Sidecar.State;

/// <summary>
/// <c>state.sqlite</c> (Dapr: reference/components-reference/supported-state-stores/setup-sqlite), with Dapr's table layout. Saves that
/// arrive together share a commit. TTLs have whole seconds.
/// </summary>
internal sealed class SqliteStateStore : IStateStore
{
    private readonly SqliteDatabase _database;
    private readonly string _table;
    private readonly TimeProvider _time;
    private readonly ITimer? _cleanUp;

    public SqliteStateStore(SqliteStateOptions options, TimeProvider time)
    {
        (_table, _time) = (options.Table, time);
        _database = new SqliteDatabase(options.Path, $"""
            CREATE TABLE IF NOT EXISTS {_table} (
              key TEXT NOT NULL PRIMARY KEY,
              value TEXT NOT NULL,
              is_binary BOOLEAN NOT NULL,
              etag TEXT NOT NULL,
              expiration_time TIMESTAMP DEFAULT NULL,
              update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
            )
            """, options.BusyTimeout);
        if (options.CleanUpInterval > TimeSpan.Zero)
        {
            _cleanUp = time.CreateTimer(_ => DeleteExpired(), null, options.CleanUpInterval, options.CleanUpInterval);
        }
    }

    public IReadOnlyList<string> Capabilities { get; } = ["ETAG", "TRANSACTIONAL", "TTL", "KEYS_LIKE", "ACTOR"];

    private string Now => Timestamp(_time.GetUtcNow());

    public ValueTask<StateItem?[]> Get(IReadOnlyList<string> keys, CancellationToken stop) => new(keys.Count == 1 ? _database.Read(db => Get(db, keys)) : _database.ReadTogether(db => Get(db, keys)));

    private StateItem?[] Get(SqliteConnection db, IReadOnlyList<string> keys)
    {
        var found = new StateItem?[keys.Count];
        var (query, now) = (db.Prepare($"SELECT value, etag, expiration_time, is_binary FROM {_table} WHERE key = ?1 AND (expiration_time IS NULL OR expiration_time > ?2)"), Now);
        for (var i = 0; i < found.Length; i++)
        {
            query.Bind(1, keys[i]).Bind(2, now);
            if (query.Step())
            {
                found[i] = new(query.Int64(3) == 0 ? query.Bytes(0) : Convert.FromBase64String(query.Text(0)), query.Text(1), query.TextOrNull(2) is { } expires
                    ? DateTimeOffset.Parse(expires, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal)
                    : null);
            }

            query.Reset();
        }

        return found;
    }

    public long TtlSeconds(string text) => SqlTtl.Seconds(text);

    public ValueTask Apply(IReadOnlyList<StateOperation> operations, CancellationToken stop) => new(_database.Write(db =>
    {
        foreach (var operation in operations)
        {
            if (!(operation.Value is null ? Delete(db, operation) : Save(db, operation, operation.Value)))
            {
                throw new ETagMismatchException(null);
            }
        }
    }));

    public ValueTask<IReadOnlyList<KeyValuePair<string, byte[]>>> Scan(string prefix, CancellationToken stop) => new(_database.Read(db =>
    {
        var found = new List<KeyValuePair<string, byte[]>>();
        var query = db.Prepare($"SELECT key, value FROM {_table} WHERE key >= ?1 AND key < ?2 AND (expiration_time IS NULL OR expiration_time > ?3)")
            .Bind(1, prefix).Bind(2, prefix + "\U0010FFFF").Bind(3, Now);
        while (query.Step())
        {
            found.Add(new(query.Text(0), query.Bytes(1)));
        }

        query.Reset();
        return (IReadOnlyList<KeyValuePair<string, byte[]>>)found;
    }));

    public async ValueTask DisposeAsync()
    {
        _cleanUp?.Dispose();
        await _database.DisposeAsync();
    }

    private bool Delete(SqliteConnection db, StateOperation operation)
    {
        if (operation.ETag is null)
        {
            db.Prepare($"DELETE FROM {_table} WHERE key = ?1").Bind(1, operation.Key).Run();
            return true;
        }

        db.Prepare($"DELETE FROM {_table} WHERE key = ?1 AND etag = ?2").Bind(1, operation.Key).Bind(2, operation.ETag).Run();
        return db.Changes > 0;
    }

    private bool Save(SqliteConnection db, StateOperation operation, byte[] value)
    {
        const string assign = "value = ?2, is_binary = ?7, etag = ?3, expiration_time = ?4, update_time = ?5";
        const string live = "(expiration_time IS NULL OR expiration_time > ?5)";
        var insert = $"INSERT INTO {_table} (key, value, is_binary, etag, expiration_time, update_time) VALUES (?1, ?2, ?7, ?3, ?4, ?5) ON CONFLICT (key) DO UPDATE SET {assign}";
        var now = _time.GetUtcNow();
        var statement = operation switch
        {
            { ETag: { } etag } => db.Prepare($"UPDATE {_table} SET {assign} WHERE key = ?1 AND etag = ?6 AND {live}").Bind(6, etag),
            { FirstWrite: true } => db.Prepare($"{insert} WHERE NOT {live}"),
            _ => db.Prepare(insert),
        };

        // As daprd reads them: text as it stands, bytes that are none in base64.
        var isText = Utf8.IsValid(value) && !value.Contains((byte)0);
        (isText && value.Length > 0 ? statement.BindText(2, value) : statement.Bind(2, isText ? "" : Convert.ToBase64String(value))).Bind(7, isText ? 0 : 1);
        statement.Bind(1, operation.Key).Bind(3, Guid.NewGuid().ToString())
            .Bind(4, operation.Ttl is { } ttl ? Timestamp(now + ttl) : null).Bind(5, Timestamp(now)).Run();
        return db.Changes > 0;
    }

    private void DeleteExpired() =>
        _ = _database.Write(db => db.Prepare($"DELETE FROM {_table} WHERE expiration_time IS NOT NULL AND expiration_time <= ?1").Bind(1, Now).Run());

    private static string Timestamp(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
}
