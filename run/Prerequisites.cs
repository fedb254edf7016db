using System.Text.Json;

namespace Lavka.Run;

/// <summary>What an app needs before it can be started: its program, and, where it is one for Node.js, its packages.</summary>
public static class Prerequisites
{
    /// <summary>What is missing, as one sentence; null: nothing.</summary>
    public static string? WhatIsMissing(AppSpec app)
    {
        var program = app.Command[0];
        return !IsThere(program) ? $"there is no '{program}' on the PATH."
            : HasDependencies(Path.Combine(app.Directory, "package.json")) && !Directory.Exists(Path.Combine(app.Directory, "node_modules"))
                ? $"run 'npm ci' in {Path.GetRelativePath(Directory.GetCurrentDirectory(), app.Directory)} first."
            : null;
    }

    /// <summary>A program that is named with its folder is taken as it is.</summary>
    private static bool IsThere(string program)
    {
        if (program.AsSpan().ContainsAny('/', Path.DirectorySeparatorChar))
        {
            return true;
        }

        string[] endings = OperatingSystem.IsWindows() ? ["", ".exe", ".cmd", ".bat"] : [""];
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        return folders.Any(folder => endings.Any(ending => File.Exists(Path.Combine(folder, program + ending))));
    }

    private static bool HasDependencies(string package)
    {
        try
        {
            using var json = JsonDocument.Parse(File.ReadAllText(package));
            return json.RootElement.TryGetProperty("dependencies", out var dependencies) && dependencies.EnumerateObject().Any();
        }
        catch (Exception e) when (e is FileNotFoundException or JsonException or InvalidOperationException)
        {
            // Without a package.json there are none; what is wrong with one, Node.js tells better.
            return false;
        }
    }
}
