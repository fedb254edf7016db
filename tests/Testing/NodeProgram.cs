namespace Lavka.Testing;

/// <summary>What tests need that run a program with Node.js.</summary>
internal static class NodeProgram
{
    /// <summary>Why a test is to be skipped, or null.</summary>
    /// <param name="folder">The program's folder, from the repository's root.</param>
    public static string? WhatIsMissing(string folder) =>
        !IsOnPath(OperatingSystem.IsWindows() ? "node.exe" : "node") ? "It runs a program with Node.js, and there is no node on the PATH."
        : !Directory.Exists(Path.Combine(Repository.Root, folder, "node_modules", "@dapr")) ? $"Its program needs its packages: run npm ci in {folder}."
        : null;

    private static bool IsOnPath(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, program)));
}
