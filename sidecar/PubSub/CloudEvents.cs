using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lavka.Sidecar.Http;
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

    public static bool IsJson(string? contentType) => MediaType(contentType).Equals("application/json", StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether an envelope has such data in base64.</summary>
    public static bool IsBinary(string? contentType) => MediaType(contentType).Equals("application/octet-stream", StringComparison.OrdinalIgnoreCase)
        || MediaType(contentType).Equals("application/cloudevents+protobuf", StringComparison.OrdinalIgnoreCase);

    /// <summary>The envelope around any payload but a CloudEvent.</summary>
    public static byte[] Wrap(ReadOnlyMemory<byte> payload, string? contentType, EnvelopeSource source)
    {
        var buffer = new ArrayBufferWriter<byte>(payload.Length + 512);
        using var json = new Utf8JsonWriter(buffer, Compact);
        var traceParent = Override(source, "traceparent") ?? Override(source, "traceid") ?? source.TraceParent;
        var (id, from, type) = (Override(source, "id"), Override(source, "source"), Override(source, "type"));
        json.WriteStartObject();
        WriteData(json, payload, contentType);
        json.WriteString("datacontenttype"u8, string.IsNullOrEmpty(contentType) ? "text/plain" : contentType);
        if (Expiration(source) is { } expiration)
        {
            json.WriteString("expiration"u8, expiration);
        }

        json.WriteString("id"u8, id switch { null or "" => Guid.NewGuid().ToString(), _ => id });
        json.WriteString("pubsubname"u8, source.PubSubName);
        json.WriteString("source"u8, from switch { null => source.AppId, "" => "Dapr", _ => from });
        json.WriteString("specversion"u8, "1.0"u8);
        if (Override(source, "subject") is { Length: > 0 } subject)
        {
            json.WriteString("subject"u8, subject);
        }

        json.WriteString("time"u8, Rfc3339(source.Now));
        json.WriteString("topic"u8, source.Topic);
        json.WriteString("traceid"u8, traceParent);
        json.WriteString("traceparent"u8, traceParent);
        json.WriteString("tracestate"u8, Override(source, "tracestate") ?? source.TraceState);
        json.WriteString("type"u8, string.IsNullOrEmpty(type) ? DefaultType : type);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>A CloudEvent the app made itself: kept, with what Dapr adds.</summary>
    /// <exception cref="JsonException">It is not a JSON object.</exception>
    public static byte[] Complete(ReadOnlyMemory<byte> payload, EnvelopeSource source)
    {
        using var document = ApiRequest.FirstValue(payload);
        if (document.RootElement.ValueKind != JsonValueKind.Object)
        {
            throw new JsonException(GoMember.Of("", prefix: "")(document.RootElement, "", "map[string]interface {}").Message);
        }

        // Of members with the same name the last counts.
        var envelope = new JsonObject(document.RootElement.EnumerateObject().GroupBy(member => member.Name)
            .Select(same => KeyValuePair.Create(same.Key, JsonNode.Parse(same.Last().Value.GetRawText()))));

        envelope["pubsubname"] = source.PubSubName;
        envelope["topic"] = source.Topic;
        envelope["source"] ??= "Dapr";
        envelope["specversion"] ??= "1.0";
        envelope["type"] ??= DefaultType;
        AddIfMissing("time", Rfc3339(source.Now));
        AddIfMissing("tracestate", source.TraceState);
        if (!envelope.ContainsKey("traceid"))
        {
            envelope["traceid"] = source.TraceParent;
            envelope["traceparent"] = source.TraceParent;
        }

        if (Expiration(source) is { } expiration)
        {
            envelope["expiration"] = expiration;
        }

        return Encoding.UTF8.GetBytes(envelope.ToJsonString(new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping }));

        // An explicit null stays.
        void AddIfMissing(string name, string value)
        {
            if (!envelope.ContainsKey(name))
            {
                envelope[name] = value;
            }
        }
    }

    /// <summary>What a subscription with <c>rawPayload</c> gets for a message that is no CloudEvent.</summary>
    public static byte[] WrapRaw(Message message, string pubSubName)
    {
        var buffer = new ArrayBufferWriter<byte>(message.Data.Length * 4 / 3 + 256);
        using var json = new Utf8JsonWriter(buffer, Compact);
        json.WriteStartObject();
        json.WriteBase64String("data_base64"u8, message.Data.Span);
        json.WriteString("datacontenttype"u8, "application/octet-stream"u8);
        json.WriteString("id"u8, Guid.NewGuid().ToString());
        json.WriteString("pubsubname"u8, pubSubName);
        json.WriteString("source"u8, "Dapr"u8);
        json.WriteString("specversion"u8, "1.0"u8);
        json.WriteString("topic"u8, message.Topic);
        foreach (var (name, value) in TraceOf(message.Metadata))
        {
            json.WriteString(name, value);
        }

        json.WriteString("type"u8, DefaultType);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>The members about the trace, for an event without any: they may have travelled beside it. A <c>traceparent</c> comes before a <c>traceid</c>.</summary>
    public static IEnumerable<(string Name, string Value)> TraceOf(IReadOnlyDictionary<string, string> metadata)
    {
        var traceParent = metadata.GetValueOrDefault("traceparent");
        if ((traceParent ?? metadata.GetValueOrDefault("traceid")) is { } traceId)
        {
            yield return ("traceid", traceId);
        }

        if (traceParent is not null)
        {
            yield return ("traceparent", traceParent);
        }

        if (metadata.GetValueOrDefault("tracestate") is { } traceState)
        {
            yield return ("tracestate", traceState);
        }
    }

    /// <summary>The time as Go prints it: whole seconds, UTC.</summary>
    public static string Rfc3339(DateTimeOffset time) => time.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", System.Globalization.CultureInfo.InvariantCulture);

    private static void WriteData(Utf8JsonWriter json, ReadOnlyMemory<byte> payload, string? contentType)
    {
        if (IsJson(contentType) && JsonLength(payload.Span) is > 0 and var length)
        {
            json.WritePropertyName("data"u8);
            json.WriteRawValue(payload.Span[..length], skipInputValidation: true);
        }
        else if (IsBinary(contentType))
        {
            json.WriteBase64String("data_base64"u8, payload.Span);
        }
        else
        {
            json.WriteString("data"u8, Encoding.UTF8.GetString(payload.Span));
        }
    }

    /// <summary>How long the first JSON value is, what follows does not count; 0: there is none.</summary>
    private static int JsonLength(ReadOnlySpan<byte> payload)
    {
        try
        {
            var reader = new Utf8JsonReader(payload, new JsonReaderOptions { MaxDepth = ApiRequest.MaxDepth });
            reader.Read();
            reader.Skip();
            return (int)reader.BytesConsumed;
        }
        catch (JsonException)
        {
            return 0;
        }
    }

    private static ReadOnlySpan<char> MediaType(string? contentType)
    {
        var text = contentType.AsSpan();
        var parameters = text.IndexOf(';');
        return parameters < 0 ? text : text[..parameters];
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

        var text = Field("ttl") ?? Field("ttlInSeconds");
        if (string.IsNullOrEmpty(text))
        {
            return null;
        }

        // A duration may be nothing or less: then the event has expired at once. A number of seconds may not.
        return text != "0" && long.TryParse(text, out var seconds) ? seconds > 0 ? Rfc3339(source.Now + TimeSpan.FromSeconds(Math.Min(seconds, int.MaxValue))) : null
            : Durations.TryParseGo(text, out var duration) ? Rfc3339(source.Now + (duration > TimeSpan.Zero ? duration : TimeSpan.Zero))
            : null;

        string? Field(string name) => source.Metadata.FirstOrDefault(pair => pair.Key.Equals(name, StringComparison.OrdinalIgnoreCase)).Value;
    }
}
