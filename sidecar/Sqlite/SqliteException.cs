namespace Lavka.Sidecar.Sqlite;

/// <summary>SQLite refused or failed: its result code and message.</summary>
/// <param name="code">SQLite's result code, as in its documentation ("Result and Error Codes").</param>
/// <param name="message">SQLite's own message.</param>
public sealed class SqliteException(int code, string message) : Exception($"SQLite: {message} (code {code})")
{
    /// <summary>SQLite's result code.</summary>
    public int Code { get; } = code;
}
