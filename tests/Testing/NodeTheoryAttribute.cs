using Xunit;

namespace Lavka.Testing;

/// <summary>A test that runs scripts of tests/JsSdk, for which there must be Node.js and their packages.</summary>
public sealed class NodeTheoryAttribute : TheoryAttribute
{
    public NodeTheoryAttribute() => Skip =
        !IsOnPath(OperatingSystem.IsWindows() ? "node.exe" : "node") ? "It runs scripts with Node.js, and there is no node on the PATH."
        : !Directory.Exists(Path.Combine(Scripts, "node_modules", "@dapr")) ? "Its scripts need Dapr's JavaScript SDK: run npm ci in tests/JsSdk."
        : null;

    /// <summary>The folder of the scripts.</summary>
    public static string Scripts { get; } = Path.Combine(Repository.Root, "tests", "JsSdk");

    private static bool IsOnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));
}
