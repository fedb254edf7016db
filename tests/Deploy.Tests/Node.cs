using Lavka.Testing;

namespace Lavka.Deploy.Tests;

/// <summary>The scripts of this folder.</summary>
internal static class Node
{
    /// <summary>From the repository's root.</summary>
    public const string Folder = "tests/Deploy.Tests";

    /// <summary>What the script says of the input.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public static async Task<string> Run(string script, string input, params IEnumerable<string> arguments)
    {
        var command = await Command.Run("node", [Path.Combine(Repository.Root, Folder, script), .. arguments], input);
        return command.ExitCode == 0 ? command.Output : throw new InvalidOperationException($"{script}: {command.Error}");
    }
}
