using System.Reflection;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization;
using Lavka.Testing;

namespace Lavka.Contracts.Tests;

/// <summary>A record of Contracts that is an event, and the schema of what is published of it.</summary>
internal sealed record EventRecord(Type Record)
{
    // As events are written: a number is never a string, although a reader would take one; a parameter with a default may be missing in events written before it was there.
    private static readonly JsonSerializerOptions Written = new(EventJson.Options)
    {
        NumberHandling = JsonNumberHandling.Strict,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static IReadOnlyList<EventRecord> All { get; } =
        [.. typeof(IEvent).Assembly.GetExportedTypes().Where(type => type.IsClass && typeof(IEvent).IsAssignableFrom(type)).Select(type => new EventRecord(type)).OrderBy(one => one.Type, StringComparer.Ordinal)];

    public string Type => (string)Record.GetProperty(nameof(IEvent.Type))!.GetValue(null)!;

    public string FileName => EventSchemas.FileOf(Type);

    /// <summary>The schema, as its file has it.</summary>
    public string Schema()
    {
        var schema = (JsonObject)Written.GetJsonSchemaAsNode(Record, new() { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = Describe });
        var version = Path.GetExtension(Path.GetFileNameWithoutExtension(FileName));
        schema.Insert(0, "$schema", "https://json-schema.org/draft/2020-12/schema");
        schema.Insert(1, "$id", $"urn:lavka:schema:{FileName[..^".json".Length][..^version.Length]}:{version[1..]}");
        schema.Insert(2, "title", Record.Name);
        return schema.ToJsonString(Indented) + "\n";
    }

    private static JsonNode Describe(JsonSchemaExporterContext context, JsonNode schema)
    {
        if (schema is JsonObject node)
        {
            // What a reader makes of a missing property is the reader's: a producer always writes it.
            node.Remove("default");
            if ((OfProperty(context) ?? Documentation.Of(context.TypeInfo.Type)) is { } description)
            {
                node.Insert(0, "description", description);
            }
        }

        return schema;
    }

    private static string? OfProperty(JsonSchemaExporterContext context) =>
        context.PropertyInfo is { AttributeProvider: MemberInfo property } ? Documentation.Of(property.DeclaringType!, property.Name) : null;
}
