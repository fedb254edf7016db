using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.PubSub;

/// <summary>What an envelope is made from besides the payload.</summary>
internal readonly record struct EnvelopeSource(
    string PubSubName, string Topic, string AppId, string TraceParent, string TraceState, IReadOnlyDictionary<string, string> Metadata, bool HandlesTtl, DateTimeOffset Now);

/// <summary>Wraps published payloads as daprd does (Dapr: developing-applications/building-blocks/pubsub/pubsub-cloudevents).</summary>
internal static class CloudEvents
{
    public const string ContentType = "application/cloudevents+json";
    private const string DefaultType = "com.dapr.event.sent";
    private static readonly JsonWriterOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    public static bool IsCloudEvent(string? contentType) => MediaType(contentType).Equals(ContentType, StringComparison.OrdinalIgnoreCase);

    /// <summary>The envelope around any payload but a CloudEvent.</summary>
    public static byte[] Wrap(ReadOnlyMemory<byte> payload, string? contentType, EnvelopeSource source)
    {
        var buffer = new ArrayBufferWriter<byte>(payload.Length + 512);
        using var json = new Utf8JsonWriter(buffer, Compact);
        var traceParent = Override(source, "traceparent") ?? Override(source, "traceid") ?? source.TraceParent;
        json.WriteStartObject();
        WriteData(json, payload, contentType);
        json.WriteString("datacontenttype"u8, string.IsNullOrEmpty(contentType) ? "text/plain" : contentType);
        if (Expiration(source) is { } expiration)
        {
            json.WriteString("expiration"u8, expiration);
        }

        json.WriteString("id"u8, Override(source, "id") ?? Guid.NewGuid().ToString());
        json.WriteString("pubsubname"u8, source.PubSubName);
        json.WriteString("source"u8, Override(source, "source") ?? source.AppId);
        json.WriteString("specversion"u8, "1.0"u8);
        if (Override(source, "subject") is { } subject)
        {
            json.WriteString("subject"u8, subject);
        }

        json.WriteString("time"u8, Rfc3339(source.Now));
        json.WriteString("topic"u8, source.Topic);
        json.WriteString("traceid"u8, Override(source, "traceid") ?? traceParent);
        json.WriteString("traceparent"u8, traceParent);
        json.WriteString("tracestate"u8, Override(source, "tracestate") ?? source.TraceState);
        json.WriteString("type"u8, Override(source, "type") ?? DefaultType);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>A CloudEvent the app made itself: kept, with what Dapr adds.</summary>
    /// <exception cref="JsonException">It is not a JSON object.</exception>
    public static byte[] Complete(ReadOnlyMemory<byte> payload, EnvelopeSource source)
    {
        if (JsonNode.Parse(payload.Span) is not JsonObject envelope)
        {
            throw new JsonException("a CloudEvent is a JSON object");
        }

        envelope["pubsubname"] = source.PubSubName;
        envelope["topic"] = source.Topic;
        envelope["source"] ??= "Dapr";
        envelope["specversion"] ??= "1.0";
        envelope["type"] ??= DefaultType;
        envelope["time"] ??= Rfc3339(source.Now);
        envelope["tracestate"] ??= source.TraceState;
        if (envelope["traceid"] is null)
        {
            envelope["traceid"] = source.TraceParent;
            envelope["traceparent"] = source.TraceParent;
        }

        if (Expiration(source) is { } expiration)
        {
            envelope["expiration"] = expiration;
        }

        return Encoding.UTF8.GetBytes(envelope.ToJsonString(new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));
    }

    /// <summary>What a subscription with <c>rawPayload</c> gets for a message that is no CloudEvent.</summary>
    public static byte[] WrapRaw(ReadOnlyMemory<byte> payload, string pubSubName, string topic)
    {
        var buffer = new ArrayBufferWriter<byte>(payload.Length * 4 / 3 + 256);
        using var json = new Utf8JsonWriter(buffer, Compact);
        json.WriteStartObject();
        json.WriteBase64String("data_base64"u8, payload.Span);
        json.WriteString("datacontenttype"u8, "application/octet-stream"u8);
        json.WriteString("id"u8, Guid.NewGuid().ToString());
        json.WriteString("pubsubname"u8, pubSubName);
        json.WriteString("source"u8, "Dapr"u8);
        json.WriteString("specversion"u8, "1.0"u8);
        json.WriteString("topic"u8, topic);
        json.WriteString("type"u8, DefaultType);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>The time as Go prints it: whole seconds, UTC.</summary>
    public static string Rfc3339(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture);

    private static void WriteData(Utf8JsonWriter json, ReadOnlyMemory<byte> payload, string? contentType)
    {
        var mediaType = MediaType(contentType);
        if (mediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase) && IsJson(payload.Span))
        {
            json.WritePropertyName("data"u8);
            json.WriteRawValue(payload.Span, skipInputValidation: true);
        }
        else if (mediaType.Equals("application/octet-stream", StringComparison.OrdinalIgnoreCase) || mediaType.Equals("application/cloudevents+protobuf", StringComparison.OrdinalIgnoreCase))
        {
            json.WriteBase64String("data_base64"u8, payload.Span);
        }
        else
        {
            json.WriteString("data"u8, Encoding.UTF8.GetString(payload.Span));
        }
    }

    private static bool IsJson(ReadOnlySpan<byte> payload)
    {
        try
        {
            var reader = new Utf8JsonReader(payload);
            return reader.Read() && reader.TrySkip() && !reader.Read();
        }
        catch (JsonException)
        {
            return false;
        }
    }

    private static ReadOnlySpan<char> MediaType(string? contentType)
    {
        var text = contentType.AsSpan();
        var parameters = text.IndexOf(';');
        return (parameters < 0 ? text : text[..parameters]).Trim();
    }

    private static string? Override(EnvelopeSource source, string field)
    {
        if (source.Metadata.Count == 0)
        {
            return null;
        }

        foreach (var (name, value) in source.Metadata)
        {
            if (name.Length == field.Length + 11 && name.StartsWith("cloudevent.", StringComparison.OrdinalIgnoreCase) && name.AsSpan(11).Equals(field, StringComparison.OrdinalIgnoreCase))
            {
                return value;
            }
        }

        return null;
    }

    private static string? Expiration(EnvelopeSource source)
    {
        if (source.HandlesTtl || source.Metadata.Count == 0)
        {
            return null;
        }

        var text = source.Metadata.FirstOrDefault(pair => pair.Key.Equals("ttl", StringComparison.OrdinalIgnoreCase)).Value
            ?? source.Metadata.FirstOrDefault(pair => pair.Key.Equals("ttlInSeconds", StringComparison.OrdinalIgnoreCase)).Value;
        if (text is null)
        {
            return null;
        }

        var ttl = long.TryParse(text, out var seconds) ? TimeSpan.FromSeconds(Math.Clamp(seconds, 0, int.MaxValue)) : Durations.TryParseGo(text, out var duration) ? duration : TimeSpan.Zero;
        return ttl > TimeSpan.Zero ? Rfc3339(source.Now + ttl) : null;
    }
}
