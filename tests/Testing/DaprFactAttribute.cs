using Xunit;

namespace Lavka.Testing;

/// <summary>A test with the real Dapr: its CLI and its programs are in <c>../shared/dapr</c>, seen from the repository, and run in a namespace of their own.</summary>
public class DaprFactAttribute : FactAttribute
{
    public DaprFactAttribute() => Skip = WhatIsMissing();

    /// <summary>Where they are; its README.md tells how they are used.</summary>
    public static string Folder { get; } = Path.GetFullPath(Path.Combine(Repository.Root, "..", "shared", "dapr"));

    private static string? WhatIsMissing()
    {
        if (!File.Exists(Path.Combine(Folder, "in-namespace.sh")))
        {
            return "It runs the real Dapr, which is not in ../shared/dapr.";
        }

        string[] programs = ["unshare", "ip", "redis-server", "git", "curl"];
        return programs.FirstOrDefault(program => !SearchPath.Has(program)) is { } missing ? $"It runs the real Dapr in a namespace, and there is no {missing} on the PATH."
            : Environment.UserName != "root" ? "It runs the real Dapr in a namespace, which only root may make."
            : NodeProgram.WhatIsMissing("services/Loyalty");
    }
}
