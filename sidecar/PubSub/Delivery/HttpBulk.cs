using System.Text.Json;

namespace Lavka.Sidecar.PubSub.Delivery;

/// <summary>Several events as one HTTP request, and the answer to it (Dapr: reference/api/pubsub_api, bulk subscribe).</summary>
internal static class HttpBulk
{
    public static byte[] Body(SubscriptionSpec spec, IReadOnlyList<BulkEntry> entries)
    {
        using var buffer = new MemoryStream();
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteStartArray("entries"u8);
        foreach (var entry in entries)
        {
            json.WriteStartObject();
            json.WriteString("contentType"u8, spec.RawPayload == true ? "application/octet-stream" : CloudEvents.ContentType);
            json.WriteString("entryId"u8, entry.Id);
            json.WritePropertyName("event"u8);
            if (spec.RawPayload == true)
            {
                json.WriteBase64StringValue(entry.Message.Data.Span);
            }
            else
            {
                json.WriteRawValue(entry.Routed.Body.Span, skipInputValidation: true);
            }

            WriteMetadata(json, entry.Message.Metadata);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("id"u8, Guid.NewGuid().ToString());
        WriteMetadata(json, new Dictionary<string, string> { ["pubsubName"] = spec.PubSubName });
        json.WriteString("pubsubname"u8, spec.PubSubName);
        json.WriteString("topic"u8, spec.Topic);
        json.WriteString("type"u8, "com.dapr.event.sent.bulk"u8);
        json.WriteEndObject();
        json.Flush();
        return buffer.ToArray();
    }

    /// <summary>By entry id. A body that does not parse answers for none, so that all come again.</summary>
    public static Dictionary<string, DeliveryAnswer> Answers(byte[] body)
    {
        var answers = new Dictionary<string, DeliveryAnswer>();
        try
        {
            using var document = JsonDocument.Parse(body);
            if (document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("statuses", out var statuses) && statuses.ValueKind == JsonValueKind.Array)
            {
                foreach (var status in statuses.EnumerateArray().Where(status => status.ValueKind == JsonValueKind.Object))
                {
                    // Unlike for a single event, no status at all is no success.
                    answers[Text(status, "entryId") ?? ""] = Text(status, "status") is { Length: > 0 } text ? DeliveryAnswers.Read(text) : DeliveryAnswer.Retry;
                }
            }
        }
        catch (JsonException)
        {
            // None.
        }

        return answers;
    }

    private static void WriteMetadata(Utf8JsonWriter json, IReadOnlyDictionary<string, string> metadata)
    {
        json.WritePropertyName("metadata"u8);
        if (metadata.Count == 0)
        {
            json.WriteNullValue();
            return;
        }

        json.WriteStartObject();
        foreach (var (name, value) in metadata)
        {
            json.WriteString(name, value);
        }

        json.WriteEndObject();
    }

    private static string? Text(JsonElement item, string name) => item.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
