using System.Text.Json;
using Json.Schema;

namespace Lavka.Testing;

/// <summary>JSON Schemas, of events and of Dapr's files.</summary>
public static class Schemas
{
    // For others, a keyword that is unknown is a remark, and so is a format. Here it would be a mistake that is thought to be checked.
    private static readonly JsonSchema Strict = Build("""
        {
          "$schema": "https://json-schema.org/draft/2020-12/schema",
          "$id": "urn:lavka:schema:strict",
          "$dynamicAnchor": "meta",
          "$ref": "https://json-schema.org/draft/2020-12/schema",
          "unevaluatedProperties": false,
          "properties": { "format": { "enum": ["date-time", "date", "uuid", "uri"] } }
        }
        """);

    /// <exception cref="FormatException">It is no schema, or has a keyword or a format that would not be checked.</exception>
    public static JsonSchema Parse(string json) =>
        Strict.Problem(JsonElement.Parse(json)) is { } problem ? throw new FormatException($"This is no schema: {problem}") : Build(json);

    /// <summary>What is wrong with the value, with the path to it; null: nothing.</summary>
    public static string? Problem(this JsonSchema schema, JsonElement value)
    {
        var results = schema.Evaluate(value, new() { OutputFormat = OutputFormat.List, RequireFormatValidation = true });
        return results.IsValid ? null : string.Join("; ", (results.Details ?? []).Prepend(results).Where(part => !part.IsValid)
            .SelectMany(part => part.Errors ?? [], (part, error) => $"'{part.InstanceLocation}': {error.Value}"));
    }

    // A registry of its own: an id may be built more than once.
    private static JsonSchema Build(string json) => JsonSchema.FromText(json, new() { SchemaRegistry = new() });
}
