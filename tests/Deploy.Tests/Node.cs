using Lavka.Testing;

namespace Lavka.Deploy.Tests;

/// <summary>The scripts of this folder.</summary>
internal static class Node
{
    /// <summary>What the script says of the input.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    public static async Task<string> Run(string script, string input)
    {
        var command = await Command.Run("node", [Path.Combine(Repository.Root, HelmPrograms.Folder, script)], input);
        return command.ExitCode == 0 ? command.Output : throw new InvalidOperationException($"{script}: {command.Error}");
    }
}
