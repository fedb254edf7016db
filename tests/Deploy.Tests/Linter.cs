namespace Lavka.Deploy.Tests;

/// <summary>What others' programs say about a file (lint.mjs).</summary>
internal static class Linter
{
    /// <param name="kind">compose, dockerfile or workflow.</param>
    /// <param name="text">The file.</param>
    public static async Task<IReadOnlyList<string>> Problems(string kind, string text) => (await Node.Run("lint.mjs", text, kind)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
