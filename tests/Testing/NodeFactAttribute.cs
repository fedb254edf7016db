using Xunit;

namespace Lavka.Testing;

/// <summary>A test that runs a program with Node.js, for which there must be Node.js and the program's packages.</summary>
public sealed class NodeFactAttribute : FactAttribute
{
    /// <param name="folder">The program's folder, from the repository's root.</param>
    public NodeFactAttribute(string folder) => Skip = NodeProgram.WhatIsMissing(folder);
}
