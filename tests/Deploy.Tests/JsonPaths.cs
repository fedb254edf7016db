using System.Text.Json.Nodes;

namespace Lavka.Deploy.Tests;

/// <summary>Reads JSON by paths: names with dots between.</summary>
internal static class JsonPaths
{
    /// <summary>What is there; null: nothing.</summary>
    public static JsonNode? At(this JsonNode? node, string path) => path.Split('.').Aggregate(node, (at, name) => (at as JsonObject)?[name]);

    /// <summary>A value as text; "": there is none.</summary>
    public static string Text(this JsonNode? node, string path) => node.At(path)?.ToString() ?? "";

    public static int? Number(this JsonNode? node, string path) => (int?)(double?)node.At(path);

    public static bool Is(this JsonNode? node, string path, bool value) => node.Text(path) == (value ? "true" : "false");

    public static IEnumerable<JsonNode> Items(this JsonNode? node, string path) => (node.At(path) as JsonArray ?? []).OfType<JsonNode>();

    public static IEnumerable<string> Texts(this JsonNode? node, string path) => node.Items(path).Select(item => item.ToString());

    /// <summary>Names and values, for instance labels.</summary>
    public static Dictionary<string, string> Map(this JsonNode? node, string path) =>
        (node.At(path) as JsonObject ?? []).ToDictionary(member => member.Key, member => member.Value?.ToString() ?? "");

    /// <summary>The same with its names in order.</summary>
    public static JsonNode Sorted(this JsonNode node) => node switch
    {
        JsonObject map => new JsonObject(map.OrderBy(member => member.Key, StringComparer.Ordinal).Select(member => KeyValuePair.Create(member.Key, member.Value?.Sorted()))),
        JsonArray list => new JsonArray([.. list.Select(item => item?.Sorted())]),
        _ => node.DeepClone(),
    };
}
