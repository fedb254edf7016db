namespace Lavka.Testing;

/// <summary>What tests need that run a program with Node.js.</summary>
public static class NodeProgram
{
    /// <summary>Why a test is to be skipped, or null.</summary>
    /// <param name="folder">The program's folder, from the repository's root.</param>
    public static string? WhatIsMissing(string folder) =>
        !SearchPath.Has(OperatingSystem.IsWindows() ? "node.exe" : "node") ? "It runs a program with Node.js, and there is no node on the PATH."
        : !Directory.Exists(Path.Combine(Repository.Root, folder, "node_modules")) ? $"Its program needs its packages: run npm ci in {folder}."
        : null;
}
