using System.Text.RegularExpressions;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.State;

/// <summary>The metadata of <c>state.sqlite</c> (Dapr: reference/components-reference/supported-state-stores/setup-sqlite).</summary>
internal sealed partial record SqliteStateOptions
{
    public required string Path { get; init; }

    public required string Table { get; init; }

    public TimeSpan BusyTimeout { get; init; }

    /// <summary>How often what has expired is deleted; zero: never.</summary>
    public TimeSpan CleanUpInterval { get; init; }

    /// <exception cref="ResourceException">A field is missing or wrong.</exception>
    public static SqliteStateOptions From(ComponentMetadata metadata)
    {
        var table = metadata.Get("tableName", "state");
        if (!Identifier().IsMatch(table))
        {
            throw metadata.Invalid("tableName", "letters, digits and _");
        }

        var path = metadata.Required("connectionString", "url");
        if (path.StartsWith("file:", StringComparison.Ordinal))
        {
            path = path[5..].Split('?')[0];
        }

        return new()
        {
            Path = metadata.DataPath(path),
            Table = table,
            BusyTimeout = metadata.Duration("busyTimeout", TimeSpan.FromSeconds(2)),
            CleanUpInterval = metadata.Duration("cleanupInterval", TimeSpan.Zero, "cleanupIntervalInSeconds"),
        };
    }

    [GeneratedRegex("^[A-Za-z0-9_]+$")]
    private static partial Regex Identifier();
}
