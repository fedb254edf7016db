using SQLitePCL;

namespace Lavka.Sidecar.Sqlite;

/// <summary>One SQLite connection, used by one thread at a time. Statements are prepared once and kept.</summary>
internal sealed class SqliteConnection : IDisposable
{
    private readonly sqlite3 _db;
    private readonly Dictionary<string, SqliteStatement> _statements = [];

    static SqliteConnection() => Batteries_V2.Init();

    /// <param name="path">A file, or a URI as SQLite understands it.</param>
    /// <param name="busyTimeout">How long to wait for another process's lock.</param>
    public SqliteConnection(string path, TimeSpan busyTimeout)
    {
        var flags = raw.SQLITE_OPEN_READWRITE | raw.SQLITE_OPEN_CREATE | raw.SQLITE_OPEN_URI | raw.SQLITE_OPEN_NOMUTEX;
        var code = raw.sqlite3_open_v2(path, out _db, flags, null);
        if (code != raw.SQLITE_OK)
        {
            throw new SqliteException(code, $"cannot open '{path}': {raw.sqlite3_errmsg(_db).utf8_to_string()}");
        }

        raw.sqlite3_busy_timeout(_db, (int)busyTimeout.TotalMilliseconds);
    }

    /// <summary>Rows changed by the last statement.</summary>
    public int Changes => raw.sqlite3_changes(_db);

    public void Execute(string sql)
    {
        var code = raw.sqlite3_exec(_db, sql);
        if (code != raw.SQLITE_OK)
        {
            throw Error(code);
        }
    }

    /// <summary>The statement for this text, reset and ready to bind. It stays the connection's: do not dispose of it.</summary>
    public SqliteStatement Prepare(string sql)
    {
        if (!_statements.TryGetValue(sql, out var statement))
        {
            var code = raw.sqlite3_prepare_v2(_db, sql, out var handle);
            if (code != raw.SQLITE_OK)
            {
                throw Error(code);
            }

            _statements[sql] = statement = new SqliteStatement(this, handle);
        }

        statement.Reset();
        return statement;
    }

    public SqliteException Error(int code) => new(code, raw.sqlite3_errmsg(_db).utf8_to_string());

    public void Dispose()
    {
        foreach (var statement in _statements.Values)
        {
            statement.Dispose();
        }

        _db.Dispose();
    }
}
