using SQLitePCL;

namespace Lavka.Sidecar.Sqlite;

/// <summary>A prepared statement. Parameters count from 1, columns from 0, as in SQLite's own API.</summary>
internal sealed class SqliteStatement(SqliteConnection connection, sqlite3_stmt handle) : IDisposable
{
    public SqliteStatement Bind(int parameter, string? value)
    {
        Check(value is null ? raw.sqlite3_bind_null(handle, parameter) : raw.sqlite3_bind_text(handle, parameter, value));
        return this;
    }

    public SqliteStatement Bind(int parameter, ReadOnlySpan<byte> value)
    {
        Check(raw.sqlite3_bind_blob(handle, parameter, value));
        return this;
    }

    /// <summary>Binds UTF-8 bytes as text.</summary>
    public SqliteStatement BindText(int parameter, ReadOnlySpan<byte> utf8)
    {
        Check(raw.sqlite3_bind_text(handle, parameter, utf8));
        return this;
    }

    public SqliteStatement Bind(int parameter, long value)
    {
        Check(raw.sqlite3_bind_int64(handle, parameter, value));
        return this;
    }

    /// <summary>Moves to the next row; false when there is none.</summary>
    public bool Step()
    {
        var code = raw.sqlite3_step(handle);
        return code switch
        {
            raw.SQLITE_ROW => true,
            raw.SQLITE_DONE => false,
            _ => throw Fail(code),
        };
    }

    /// <summary>Runs a statement that answers no rows.</summary>
    public void Run()
    {
        Step();
        Reset();
    }

    public long Int64(int column) => raw.sqlite3_column_int64(handle, column);

    public string Text(int column) => raw.sqlite3_column_text(handle, column).utf8_to_string();

    public string? TextOrNull(int column) => IsNull(column) ? null : Text(column);

    public byte[] Bytes(int column) => raw.sqlite3_column_blob(handle, column).ToArray();

    public bool IsNull(int column) => raw.sqlite3_column_type(handle, column) == raw.SQLITE_NULL;

    public void Reset()
    {
        raw.sqlite3_reset(handle);
        raw.sqlite3_clear_bindings(handle);
    }

    public void Dispose() => handle.Dispose();

    private SqliteException Fail(int code)
    {
        var error = connection.Error(code);
        Reset();
        return error;
    }

    private void Check(int code)
    {
        if (code != raw.SQLITE_OK)
        {
            throw connection.Error(code);
        }
    }
}
