using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Lavka.Testing;

/// <summary>A JSON Schema, with the keywords that the schemas of events and of Dapr's files use; any other is an error, so that none is thought to be checked that is not.</summary>
public sealed class JsonSchema
{
    // These say nothing about a value.
    private static readonly string[] Annotations = ["$schema", "$id", "title", "description"];

    private readonly JsonElement _root;

    private JsonSchema(JsonElement root) => _root = root;

    /// <exception cref="FormatException">The schema has a keyword or a format that is not checked here.</exception>
    public static JsonSchema Parse(string json)
    {
        var root = JsonElement.Parse(json);
        Known(root, "$");
        return new(root);
    }

    /// <summary>What the schema says of the keyword; null: nothing.</summary>
    public string? this[string keyword] => _root.TryGetProperty(keyword, out var value) ? value.GetString() : null;

    /// <summary>What is wrong with the value, with the path to it; null: nothing.</summary>
    public string? Problem(JsonElement value) => Problem(_root, value, "$");

    private static void Known(JsonElement schema, string path)
    {
        foreach (var keyword in schema.EnumerateObject())
        {
            switch (keyword.Name)
            {
                case "properties":
                    foreach (var property in keyword.Value.EnumerateObject())
                    {
                        Known(property.Value, $"{path}.{property.Name}");
                    }

                    break;
                case "items":
                    Known(keyword.Value, $"{path}[]");
                    break;
                case "additionalProperties" when keyword.Value.ValueKind == JsonValueKind.Object:
                    Known(keyword.Value, $"{path}.*");
                    break;
                case "additionalProperties" when keyword.Value.ValueKind == JsonValueKind.False:
                    break;
                case "format" when keyword.Value.GetString() is not ("date-time" or "date" or "uuid" or "uri"):
                    throw new FormatException($"The schema of {path} has the format '{keyword.Value}', which is not checked; see {nameof(JsonSchema)}.");
                case "type" or "required" or "enum" or "const" or "format" or "pattern" or "minimum" or "maximum":
                    break;
                case var name when !Annotations.Contains(name):
                    throw new FormatException($"The schema of {path} has the keyword '{name}', which is not checked; see {nameof(JsonSchema)}.");
            }
        }
    }

    private static string? Problem(JsonElement schema, JsonElement value, string path) => schema.EnumerateObject().Select(keyword => keyword.Name switch
    {
        "type" when !Types(keyword.Value).Any(type => Is(type, value)) => $"{path} is {Show(value)}, not {string.Join(" or ", Types(keyword.Value))}",
        "enum" when !keyword.Value.EnumerateArray().Any(one => JsonElement.DeepEquals(one, value)) => $"{path} is {Show(value)}, not one of {keyword.Value.GetRawText()}",
        "const" when !JsonElement.DeepEquals(keyword.Value, value) => $"{path} is {Show(value)}, not {keyword.Value.GetRawText()}",
        "minimum" when value.ValueKind == JsonValueKind.Number && value.GetDouble() < keyword.Value.GetDouble() => $"{path} is {Show(value)}, less than {keyword.Value.GetRawText()}",
        "maximum" when value.ValueKind == JsonValueKind.Number && value.GetDouble() > keyword.Value.GetDouble() => $"{path} is {Show(value)}, more than {keyword.Value.GetRawText()}",
        "format" when value.ValueKind == JsonValueKind.String && !HasFormat(keyword.Value.GetString()!, value) => $"{path} is {Show(value)}, not a {keyword.Value.GetString()}",
        "pattern" when value.ValueKind == JsonValueKind.String && !Regex.IsMatch(value.GetString()!, keyword.Value.GetString()!) => $"{path} is {Show(value)}, not like {keyword.Value.GetString()}",
        "required" when value.ValueKind == JsonValueKind.Object => keyword.Value.EnumerateArray().Where(name => !value.TryGetProperty(name.GetString()!, out _))
            .Select(name => $"{path}.{name.GetString()} is missing").FirstOrDefault(),
        "properties" when value.ValueKind == JsonValueKind.Object => keyword.Value.EnumerateObject()
            .Select(property => value.TryGetProperty(property.Name, out var member) ? Problem(property.Value, member, $"{path}.{property.Name}") : null).FirstOrDefault(problem => problem is not null),
        "additionalProperties" when value.ValueKind == JsonValueKind.Object => value.EnumerateObject()
            .Where(member => !(schema.TryGetProperty("properties", out var properties) && properties.TryGetProperty(member.Name, out _)))
            .Select(member => keyword.Value.ValueKind == JsonValueKind.False ? $"{path}.{member.Name} is unknown" : Problem(keyword.Value, member.Value, $"{path}.{member.Name}"))
            .FirstOrDefault(problem => problem is not null),
        "items" when value.ValueKind == JsonValueKind.Array => value.EnumerateArray()
            .Select((item, i) => Problem(keyword.Value, item, $"{path}[{i.ToString(CultureInfo.InvariantCulture)}]")).FirstOrDefault(problem => problem is not null),
        _ => null,
    }).FirstOrDefault(problem => problem is not null);

    private static IEnumerable<string> Types(JsonElement type) => type.ValueKind == JsonValueKind.Array ? type.EnumerateArray().Select(one => one.GetString()!) : [type.GetString()!];

    private static bool Is(string type, JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => type == "object",
        JsonValueKind.Array => type == "array",
        JsonValueKind.String => type == "string",
        JsonValueKind.Number => type == "number" || (type == "integer" && value.TryGetDecimal(out var number) && number == decimal.Truncate(number)),
        JsonValueKind.True or JsonValueKind.False => type == "boolean",
        _ => type == "null",
    };

    private static bool HasFormat(string format, JsonElement text) => format switch
    {
        "date-time" => text.TryGetDateTimeOffset(out _),
        "date" => DateOnly.TryParseExact(text.GetString(), "yyyy-MM-dd", CultureInfo.InvariantCulture, DateTimeStyles.None, out _),
        "uuid" => text.TryGetGuid(out _),
        _ => Uri.TryCreate(text.GetString(), UriKind.Absolute, out _),
    };

    private static string Show(JsonElement value) => value.GetRawText() is { Length: > 60 } text ? $"{text[..60]}..." : value.GetRawText();
}
