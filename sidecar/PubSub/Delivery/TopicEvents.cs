using System.Buffers;
using System.Text.Json;
using Dapr.AppCallback.Autogen.Grpc.v1;
using Google.Protobuf;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using Lavka.Sidecar.Http;
using Lavka.Sidecar.State;

namespace Lavka.Sidecar.PubSub.Delivery;

/// <summary>
/// CloudEvents as gRPC carries them: to apps, and on streams (Dapr: the messages <c>TopicEventRequest</c> and <c>TopicEventCERequest</c>).
/// </summary>
internal static class TopicEvents
{
    private static readonly JsonDocumentOptions Deep = new() { MaxDepth = ApiRequest.MaxDepth };

    // Go writes these as escapes, so that JSON may stand in HTML. They occur in strings alone.
    private static readonly SearchValues<byte> HtmlCharacters = SearchValues.Create("<>&"u8);

    /// <summary>An event for an app, or for a stream.</summary>
    /// <exception cref="DeliveryException">Its data are not what their content type says.</exception>
    public static TopicEventRequest Request(SubscriptionSpec spec, Routed routed, Message message)
    {
        using var document = JsonDocument.Parse(routed.Body, Deep);
        var envelope = document.RootElement;
        var request = new TopicEventRequest
        {
            Id = Text(envelope, "id"),
            Source = Text(envelope, "source"),
            Type = Text(envelope, "type"),
            SpecVersion = Text(envelope, "specversion"),
            DataContentType = Text(envelope, "datacontenttype"),
            Topic = message.Topic,
            PubsubName = spec.PubSubName,
            Path = routed.Path,
            Extensions = Extensions(envelope),
        };
        request.Data = Member(envelope, "data_base64") is { } binary ? Binary(binary) : Data(envelope, request.DataContentType);
        AddTrace(request.Extensions.Fields, message.Metadata);
        return request;
    }

    /// <summary>An event among those that a gRPC app gets together. As in daprd, data in <c>data_base64</c> do not get through.</summary>
    /// <exception cref="DeliveryException">Its data are not what their content type says.</exception>
    public static TopicEventBulkRequestEntry Entry(SubscriptionSpec spec, BulkEntry entry)
    {
        var result = new TopicEventBulkRequestEntry { EntryId = entry.Id };
        foreach (var (name, value) in entry.Message.Metadata)
        {
            result.Metadata[name] = value;
        }

        if (spec.RawPayload == true)
        {
            result.Bytes = UnsafeByteOperations.UnsafeWrap(entry.Message.Data);
            return result;
        }

        using var document = JsonDocument.Parse(entry.Routed.Body, Deep);
        var envelope = document.RootElement;
        result.CloudEvent = new()
        {
            Id = Text(envelope, "id"),
            Source = Text(envelope, "source"),
            Type = Text(envelope, "type"),
            SpecVersion = Text(envelope, "specversion"),
            DataContentType = Text(envelope, "datacontenttype"),
            Extensions = Extensions(envelope),
        };
        result.CloudEvent.Data = Data(envelope, result.CloudEvent.DataContentType);
        return result;
    }

    /// <summary>The trace an event belongs to; nothing: it says that it belongs to none; null: it says nothing of traces.</summary>
    public static string? Trace(TopicEventRequest request)
    {
        var extensions = request.Extensions.Fields;
        return (extensions.GetValueOrDefault("traceparent") ?? extensions.GetValueOrDefault("traceid"))?.StringValue;
    }

    private static ByteString Binary(JsonElement data) =>
        data.ValueKind == JsonValueKind.String && data.TryGetBytesFromBase64(out var bytes)
            ? UnsafeByteOperations.UnsafeWrap(bytes)
            : throw new DeliveryException("data_base64 of the event is not in base64");

    private static ByteString Data(JsonElement envelope, string contentType)
    {
        if (Member(envelope, "data") is not { } data)
        {
            return ByteString.Empty;
        }

        var mediaType = contentType.Split(';')[0].ToLowerInvariant();
        if (mediaType.StartsWith("text/", StringComparison.Ordinal) || mediaType == "application/xml")
        {
            return data.ValueKind == JsonValueKind.String
                ? ByteString.CopyFromUtf8(data.GetString()!)
                : throw new DeliveryException("the event's data are no text, though their content type says so");
        }

        return mediaType is "application/json" or CloudEvents.ContentType
            ? UnsafeByteOperations.UnsafeWrap(Escaped(GoJson.Normalise(data)))
            : ByteString.Empty;
    }

    private static byte[] Escaped(byte[] json)
    {
        if (json.AsSpan().IndexOfAny(HtmlCharacters) < 0)
        {
            return json;
        }

        var escaped = new ArrayBufferWriter<byte>(json.Length + 64);
        foreach (var character in json)
        {
            escaped.Write(character switch
            {
                (byte)'<' => "\\u003c"u8,
                (byte)'>' => "\\u003e"u8,
                (byte)'&' => "\\u0026"u8,
                _ => [character],
            });
        }

        return escaped.WrittenSpan.ToArray();
    }

    private static Struct Extensions(JsonElement envelope)
    {
        var extensions = new Struct();
        if (envelope.ValueKind == JsonValueKind.Object)
        {
            foreach (var member in envelope.EnumerateObject())
            {
                if (member.Name is not ("id" or "source" or "type" or "specversion" or "datacontenttype" or "data" or "data_base64"))
                {
                    extensions.Fields[member.Name] = Value(member.Value);
                }
            }
        }

        return extensions;
    }

    private static Value Value(JsonElement json)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.Object:
                var fields = new Struct();
                foreach (var member in json.EnumerateObject())
                {
                    fields.Fields[member.Name] = Value(member.Value);
                }

                return Google.Protobuf.WellKnownTypes.Value.ForStruct(fields);
            case JsonValueKind.Array:
                return Google.Protobuf.WellKnownTypes.Value.ForList([.. json.EnumerateArray().Select(Value)]);
            case JsonValueKind.String:
                return Google.Protobuf.WellKnownTypes.Value.ForString(json.GetString()!);
            case JsonValueKind.Number:
                return Google.Protobuf.WellKnownTypes.Value.ForNumber(json.GetDouble());
            case JsonValueKind.True or JsonValueKind.False:
                return Google.Protobuf.WellKnownTypes.Value.ForBool(json.GetBoolean());
            default:
                return Google.Protobuf.WellKnownTypes.Value.ForNull();
        }
    }

    /// <summary>What a publisher by gRPC has sent beside an event that says nothing of a trace itself.</summary>
    private static void AddTrace(MapField<string, Value> extensions, IReadOnlyDictionary<string, string> metadata)
    {
        foreach (var (name, value) in CloudEvents.TraceOf(metadata))
        {
            if (!extensions.ContainsKey(name))
            {
                extensions[name] = Google.Protobuf.WellKnownTypes.Value.ForString(value);
            }
        }
    }

    private static JsonElement? Member(JsonElement envelope, string name) =>
        envelope.ValueKind == JsonValueKind.Object && envelope.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null
            ? value
            : null;

    private static string Text(JsonElement envelope, string name) =>
        Member(envelope, name) is { ValueKind: JsonValueKind.String } text ? text.GetString()! : "";
}
