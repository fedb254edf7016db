using System.Text.RegularExpressions;
using Lavka.Testing;

namespace Lavka.Deploy.Tests;

/// <summary>What a build of an image gets of the repository: what .dockerignore leaves.</summary>
internal static class BuildContext
{
    private static readonly List<(bool IsIn, Regex Pattern)> Rules =
        [.. File.ReadLines(Path.Combine(Repository.Root, ".dockerignore")).Where(line => line.Length > 0 && !line.StartsWith('#')).Select(line => (line.StartsWith('!'), Pattern(line.TrimStart('!'))))];

    /// <summary>Its files, from the repository's root.</summary>
    public static IReadOnlyList<string> Files { get; } = [.. DeployFiles.Named("*").Where(Has)];

    /// <summary>Whether a file is in it. The last rule that fits it, or a folder that it is in, decides.</summary>
    public static bool Has(string file) => Rules.LastOrDefault(rule => WithFolders(file).Any(path => rule.Pattern.IsMatch(path)), (true, null!)).IsIn;

    /// <summary>The files that an instruction copies: a file, a folder or names with a star.</summary>
    public static IReadOnlyList<string> Copied(string source) => [.. Files.Where(file => WithFolders(file).Any(Pattern(source).IsMatch))];

    private static Regex Pattern(string glob) => new($"^{Regex.Escape(glob.Trim('/')).Replace(@"\*\*/", "(.*/)?", StringComparison.Ordinal).Replace(@"\*", "[^/]*", StringComparison.Ordinal)}$");

    private static IEnumerable<string> WithFolders(string path)
    {
        for (; path.Length > 0; path = Path.GetDirectoryName(path)!.Replace('\\', '/'))
        {
            yield return path;
        }
    }
}
