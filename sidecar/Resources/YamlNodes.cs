using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Lavka.Sidecar.Resources;

/// <summary>Reading YAML as Dapr does: by field, with the value's text as it stands.</summary>
internal static class YamlNodes
{
    /// <summary>The node under a key, or null; keys match without regard to case, as in Dapr.</summary>
    public static YamlNode? Get(this YamlNode? node, string key) =>
        (node as YamlMappingNode)?.Children.FirstOrDefault(child => string.Equals((child.Key as YamlScalarNode)?.Value, key, StringComparison.OrdinalIgnoreCase)).Value;

    /// <summary>A scalar's text; null where there is none or an explicit null.</summary>
    public static string? Text(this YamlNode? node) =>
        node is YamlScalarNode { Value: { } value } scalar && !(scalar.Style == ScalarStyle.Plain && value is "" or "~" or "null") ? value : null;

    public static string? Text(this YamlNode? node, string key) => node.Get(key).Text();

    public static bool Flag(this YamlNode? node, string key) => node.Text(key) is { } text && IsTrue(text);

    public static IEnumerable<YamlNode> Items(this YamlNode? node, string key) => (node.Get(key) as YamlSequenceNode)?.Children ?? [];

    public static IReadOnlyList<string> Texts(this YamlNode? node, string key) => [.. node.Items(key).Select(item => item.Text()).OfType<string>()];

    public static IEnumerable<(string Key, YamlNode Value)> Pairs(this YamlNode? node) =>
        (node as YamlMappingNode)?.Children.Select(child => (((YamlScalarNode)child.Key).Value!, child.Value)) ?? [];

    /// <summary>A value as text: a scalar as it stands, anything else as JSON, as Dapr passes component metadata on.</summary>
    public static string Value(this YamlNode node) => node switch
    {
        YamlScalarNode scalar => scalar.Value ?? "",
        _ => Json(node)!.ToJsonString(),
    };

    /// <summary>Dapr's words for yes (kit/utils.IsTruthy).</summary>
    public static bool IsTrue(string text) => text.Trim().ToLowerInvariant() is "y" or "yes" or "true" or "t" or "on" or "1";

    private static JsonNode? Json(YamlNode node) => node switch
    {
        YamlMappingNode map => new JsonObject(map.Children.Select(child => KeyValuePair.Create(((YamlScalarNode)child.Key).Value!, Json(child.Value)))),
        YamlSequenceNode list => new JsonArray([.. list.Children.Select(Json)]),
        YamlScalarNode { Style: ScalarStyle.Plain, Value: { } value } => value switch
        {
            "" or "~" or "null" => null,
            "true" => true,
            "false" => false,
            _ => long.TryParse(value, CultureInfo.InvariantCulture, out var whole) ? whole
                : double.TryParse(value, CultureInfo.InvariantCulture, out var number) ? number
                : value,
        },
        YamlScalarNode scalar => scalar.Value,
        _ => null,
    };
}
