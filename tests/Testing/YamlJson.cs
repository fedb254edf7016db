using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Lavka.Testing;

/// <summary>YAML as the JSON that Dapr makes of it.</summary>
public static partial class YamlJson
{
    /// <summary>The documents of a text.</summary>
    /// <exception cref="YamlException">It is no YAML.</exception>
    public static IReadOnlyList<JsonElement> Documents(string text) => [.. Nodes(text).Select(node => JsonSerializer.SerializeToElement(node))];

    /// <inheritdoc cref="Documents"/>
    public static IReadOnlyList<JsonNode?> Nodes(string text)
    {
        var yaml = new YamlStream();
        yaml.Load(new StringReader(text));
        return [.. yaml.Documents.Select(document => Value(document.RootNode))];
    }

    private static JsonNode? Value(YamlNode node) => node switch
    {
        YamlMappingNode map => new JsonObject(map.Children.Select(child => KeyValuePair.Create(((YamlScalarNode)child.Key).Value!, Value(child.Value)))),
        YamlSequenceNode list => new JsonArray([.. list.Children.Select(Value)]),
        YamlScalarNode { Style: ScalarStyle.Plain, Value: var text } => Plain(text ?? ""),
        _ => ((YamlScalarNode)node).Value,
    };

    // YAML 1.1, which Go's readers speak: there, yes and on are truth values too.
    private static JsonNode? Plain(string text) => text switch
    {
        "" or "~" or "null" => null,
        "true" or "yes" or "on" => true,
        "false" or "no" or "off" => false,
        _ when Number().IsMatch(text) => double.Parse(text, CultureInfo.InvariantCulture),
        _ => text,
    };

    [GeneratedRegex(@"^[-+]?[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?$")]
    private static partial Regex Number();
}
