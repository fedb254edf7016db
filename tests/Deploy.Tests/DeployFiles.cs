using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lavka.Testing;

namespace Lavka.Deploy.Tests;

/// <summary>The repository's files that the tests read.</summary>
internal static partial class DeployFiles
{
    private static readonly string[] NotOurs = [".git", "bin", "obj", "node_modules"];

    public static string Text(string file) => File.ReadAllText(Path.Combine(Repository.Root, file));

    /// <summary>A file's document, with what is merged into its maps (<c>&lt;&lt;</c>) in them.</summary>
    public static JsonNode Yaml(string file) => Merged(YamlJson.Nodes(Text(file)).Single())!;

    /// <summary>The files of a folder and of those in it, without what is built or fetched: paths from the repository's root.</summary>
    public static IEnumerable<string> Named(string pattern, string folder = "")
    {
        var path = Path.Combine(Repository.Root, folder);
        return Directory.EnumerateFiles(path, pattern).Select(Relative)
            .Concat(Directory.EnumerateDirectories(path).Where(inner => !NotOurs.Contains(Path.GetFileName(inner))).SelectMany(inner => Named(pattern, Relative(inner))));
    }

    /// <summary>Whether an image has a version of its own.</summary>
    public static bool HasVersion(string image) => Version().IsMatch(image);

    private static string Relative(string path) => Path.GetRelativePath(Repository.Root, path).Replace('\\', '/');

    private static JsonNode? Merged(JsonNode? node) => node switch
    {
        JsonObject map => new JsonObject((map["<<"] is JsonObject common ? Merged(common)!.DeepClone().AsObject().Where(pair => !map.ContainsKey(pair.Key)) : [])
            .Concat(map.Where(pair => pair.Key != "<<").Select(pair => KeyValuePair.Create(pair.Key, Merged(pair.Value))))
            .Select(pair => KeyValuePair.Create(pair.Key, pair.Value?.DeepClone()))),
        JsonArray list => new JsonArray([.. list.Select(Merged)]),
        _ => node?.DeepClone(),
    };

    [GeneratedRegex(@"^[a-z0-9./-]+:(?!latest)[\w.-]*[0-9a-z][\w.-]*$")]
    private static partial Regex Version();
}
