using Lavka.Testing;

namespace Lavka.Deploy.Tests;

/// <summary>What others' programs say about a file (lint.mjs).</summary>
internal static class Linter
{
    /// <summary>Where the programs are, from the repository's root.</summary>
    public const string Folder = "tests/Deploy.Tests";

    /// <param name="kind">compose, dockerfile or workflow.</param>
    /// <param name="text">The file.</param>
    public static async Task<IReadOnlyList<string>> Problems(string kind, string text)
    {
        var command = await Command.Run("node", [Path.Combine(Repository.Root, Folder, "lint.mjs"), kind], text);
        Assert.True(command.ExitCode == 0, command.Error);
        return command.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }
}
