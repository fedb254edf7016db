using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace Lavka.Contracts;

/// <summary>How an event's data is written, whatever the settings of the client that publishes it: the schemas in <c>schemas/</c> are made from this.</summary>
public static class EventJson
{
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web)
    {
        // The partition key is for the broker; it says nothing that the data does not say. Here rather than on each record, so that none can forget it.
        TypeInfoResolver = new DefaultJsonTypeInfoResolver().WithAddedModifier(WithoutPartitionKey),
    };

    /// <summary>How an event's data is read: what the schema wants must be there, and not be null. What it does not know is passed over.</summary>
    public static JsonSerializerOptions Strict { get; } = new(Options) { RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true, AllowDuplicateProperties = false, PropertyNameCaseInsensitive = false };

    private static void WithoutPartitionKey(JsonTypeInfo type)
    {
        if (!typeof(IEvent).IsAssignableFrom(type.Type))
        {
            return;
        }

        var name = JsonNamingPolicy.CamelCase.ConvertName(nameof(IEvent.PartitionKey));
        if (type.Properties.FirstOrDefault(property => property.Name == name) is { } partitionKey)
        {
            type.Properties.Remove(partitionKey);
        }
    }
}
