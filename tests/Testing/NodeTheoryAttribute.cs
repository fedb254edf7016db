using Xunit;

namespace Lavka.Testing;

/// <summary>A test that runs scripts of tests/JsSdk, for which there must be Node.js and their packages.</summary>
public sealed class NodeTheoryAttribute : TheoryAttribute
{
    public NodeTheoryAttribute() => Skip = NodeProgram.WhatIsMissing("tests/JsSdk");

    /// <summary>The folder of the scripts.</summary>
    public static string Scripts { get; } = Path.Combine(Repository.Root, "tests", "JsSdk");
}
