using System.Globalization;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Lavka.Sidecar.State;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Lavka.Sidecar.Resources;

/// <summary>Reading YAML as Dapr does: by field, with the value's text as it stands.</summary>
internal static partial class YamlNodes
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

    /// <summary>A value as text, as Dapr passes component metadata on: a text as it stands, anything else as the JSON that Go makes of it, <c>yes</c> as <c>true</c>.</summary>
    public static string Value(this YamlNode node) => node is YamlScalarNode scalar && IsText(scalar) ? scalar.Value ?? ""
        : Json(node) is { } json ? json.ToJsonString()
        : "";

    /// <summary>Whether YAML takes a value for a text, not for a number, a truth value or nothing.</summary>
    public static bool IsText(YamlNode node) => node is YamlScalarNode scalar && (scalar.Style != ScalarStyle.Plain || Plain(scalar.Value ?? "") is JsonValue value && value.GetValueKind() == System.Text.Json.JsonValueKind.String);

    public static bool IsNull(YamlNode node) => node is YamlScalarNode { Style: ScalarStyle.Plain } scalar && Plain(scalar.Value ?? "") is null;

    public static bool IsBool(YamlNode node) => node is YamlScalarNode { Style: ScalarStyle.Plain, Value: { } text } && Plain(text) is JsonValue value && value.GetValueKind() is System.Text.Json.JsonValueKind.True or System.Text.Json.JsonValueKind.False;

    /// <summary>Dapr's words for yes (kit/utils.IsTruthy).</summary>
    public static bool IsTrue(string text) => text.Trim().ToLowerInvariant() is "y" or "yes" or "true" or "t" or "on" or "1";

    private static JsonNode? Json(YamlNode node) => node switch
    {
        YamlMappingNode map => new JsonObject(map.Children.Select(child => KeyValuePair.Create(((YamlScalarNode)child.Key).Value!, Json(child.Value)))),
        YamlSequenceNode list => new JsonArray([.. list.Children.Select(Json)]),
        YamlScalarNode { Style: ScalarStyle.Plain, Value: { } value } => Plain(value),
        YamlScalarNode scalar => scalar.Value,
        _ => null,
    };

    // YAML 1.1, which Go's reader speaks.
    private static JsonNode? Plain(string value) => value switch
    {
        "" or "~" or "null" or "Null" or "NULL" => null,
        "true" or "True" or "TRUE" or "yes" or "Yes" or "YES" or "on" or "On" or "ON" => true,
        "false" or "False" or "FALSE" or "no" or "No" or "NO" or "off" or "Off" or "OFF" => false,
        _ when WholeNumber(value) is { } whole => whole,
        _ when Number().IsMatch(value) && double.IsFinite(double.Parse(value, CultureInfo.InvariantCulture)) => JsonNode.Parse(GoJson.Normalise(System.Text.Json.JsonSerializer.SerializeToElement(double.Parse(value, CultureInfo.InvariantCulture)))),
        _ => value,
    };

    private static long? WholeNumber(string value)
    {
        var digits = value.Replace("_", "", StringComparison.Ordinal);
        var negative = digits.StartsWith('-');
        digits = digits.TrimStart('-', '+');
        if (digits.Length == 0 || value.Length - digits.Length > 1 + value.Count(c => c == '_') || !char.IsAsciiDigit(digits[0]))
        {
            return null;
        }

        try
        {
            var number = digits switch
            {
                ['0', 'x', .. var hex] => Convert.ToInt64(hex, 16),
                ['0', 'b', .. var binary] => Convert.ToInt64(binary, 2),
                ['0', _, ..] when digits.All(c => c is >= '0' and <= '7') => Convert.ToInt64(digits, 8),
                _ => long.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture),
            };
            return negative ? -number : number;
        }
        catch (Exception e) when (e is FormatException or OverflowException or ArgumentException)
        {
            return null;
        }
    }

    [GeneratedRegex(@"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$")]
    private static partial Regex Number();
}
