using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lavka.Sidecar.PubSub;
using Lavka.Sidecar.Resiliency;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Http;

/// <summary><c>/v1.0/publish</c> (Dapr: reference/api/pubsub_api).</summary>
internal sealed class PubSubApi(Components components, ResiliencyPolicies policies, SidecarOptions options)
{
    private sealed class BulkException(string message) : Exception(message);

    /// <summary>False when this is no publish request.</summary>
    public async ValueTask<bool> TryHandle(ApiRequest request)
    {
        if (!request.IsPostOrPut || request.Segments.Length < 3)
        {
            return false;
        }

        if (request.Segments[2] == "bulk" && request.Segments.Length > 3)
        {
            await PublishBulk(request, request.Segment(3), request.Rest(4));
        }
        else
        {
            await Publish(request, request.Segment(2), request.Rest(3));
        }

        return true;
    }

    /// <summary>Publishes what a subscription has given up on.</summary>
    public Task PublishDeadLetter(string pubSubName, Message message, CancellationToken stop) =>
        Send(Find(pubSubName, message.Topic, Message.NoMetadata), message.Topic, [message], stop);

    private async ValueTask Publish(ApiRequest request, string pubSubName, string topic)
    {
        var metadata = request.Metadata();
        var pubSub = Find(pubSubName, topic, metadata);
        byte[] body;
        try
        {
            body = await request.Body();
        }
        catch (BodyTooLargeException e)
        {
            throw PublishFailed(pubSubName, topic, e.Message);
        }

        var payload = Envelope(body, request.Http.Request.ContentType, IsRaw(pubSubName, metadata), Source(request, pubSub, topic, metadata));
        await Send(pubSub, topic, [new(topic, payload, metadata.Count == 0 ? Message.NoMetadata : metadata)], request.Stop);
        request.Nothing();
    }

    private async ValueTask PublishBulk(ApiRequest request, string pubSubName, string topic)
    {
        var query = request.Metadata();
        var pubSub = Find(pubSubName, topic, query);
        var raw = IsRaw(pubSubName, query);
        JsonDocument body;
        try
        {
            body = JsonDocument.Parse(await request.Body());
        }
        catch (Exception e) when (e is JsonException or BodyTooLargeException)
        {
            throw BulkFailed("DAPR_PUBSUB_UNMARSHAL_EVENTS", $"error when unmarshaling the request for topic {topic} pubsub {pubSubName}: {e.Message}");
        }

        var messages = new List<Message>();
        using (body)
        {
            try
            {
                var seen = new HashSet<string>();
                foreach (var entry in Entries(body.RootElement))
                {
                    var id = Text(entry, "entryId");
                    if (string.IsNullOrEmpty(id) || !seen.Add(id))
                    {
                        throw BulkFailed("DAPR_PUBSUB_MARSHAL_EVENTS", $"error marshaling events to bytes for topic {topic} pubsub {pubSubName}. error: entryId is duplicated or not present for entry");
                    }

                    var metadata = EntryMetadata(entry, query);
                    var contentType = Text(entry, "contentType") ?? "";
                    var payload = Envelope(EventBytes(entry, contentType), contentType, raw, Source(request, pubSub, topic, metadata));
                    messages.Add(new(topic, payload, metadata));
                }
            }
            catch (BulkException e)
            {
                throw BulkFailed("DAPR_PUBSUB_MARSHAL_ENVELOPE", $"error when marshalling cloud event envelope for topic {topic} pubsub {pubSubName}: {e.Message}");
            }
        }

        if (messages.Count > 0)
        {
            await Send(pubSub, topic, messages, request.Stop);
        }

        request.Nothing();

        ApiException BulkFailed(string reason, string message) => ApiException.Detailed(400, "ERR_PUBSUB_EVENTS_SER", message, reason,
            new() { ["appID"] = options.AppId, ["error"] = message }, ApiException.Resource("pubsub", pubSubName, message));
    }

    private static IEnumerable<JsonElement> Entries(JsonElement body) => body.ValueKind == JsonValueKind.Array
        ? body.EnumerateArray().Select(entry => entry.ValueKind == JsonValueKind.Object ? entry : throw new BulkException("an entry is not an object"))
        : throw new BulkException("the body is not a list of entries");

    private static string? Text(JsonElement entry, string name) => entry.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    // As in daprd, the request's metadata reaches only entries that have some of their own.
    private static Dictionary<string, string> EntryMetadata(JsonElement entry, Dictionary<string, string> query)
    {
        if (!entry.TryGetProperty("metadata", out var own) || own.ValueKind != JsonValueKind.Object)
        {
            return [];
        }

        var metadata = new Dictionary<string, string>(query);
        foreach (var member in own.EnumerateObject())
        {
            metadata[member.Name] = member.Value.ValueKind == JsonValueKind.String ? member.Value.GetString()! : throw new BulkException($"the metadata field '{member.Name}' is not a string");
        }

        return metadata;
    }

    private static byte[] EventBytes(JsonElement entry, string contentType)
    {
        var data = entry.TryGetProperty("event", out var value) ? value : default;
        var mediaType = contentType.Split(';')[0].Trim().ToLowerInvariant();
        if (mediaType == "application/octet-stream" && data.ValueKind == JsonValueKind.String && data.TryGetBytesFromBase64(out var bytes))
        {
            return bytes;
        }

        if ((mediaType.StartsWith("text/", StringComparison.Ordinal) || mediaType == "application/xml") && data.ValueKind == JsonValueKind.String)
        {
            return Encoding.UTF8.GetBytes(data.GetString()!);
        }

        return mediaType is "application/json" or CloudEvents.ContentType
            ? data.ValueKind == JsonValueKind.Undefined ? "null"u8.ToArray() : Encoding.UTF8.GetBytes(data.GetRawText())
            : throw new BulkException("mismatch between contentType and event");
    }

    private static bool IsRaw(string pubSubName, Dictionary<string, string> metadata) => metadata.GetValueOrDefault("rawPayload") switch
    {
        null => false,
        "1" or "t" or "T" or "true" or "TRUE" or "True" => true,
        "0" or "f" or "F" or "false" or "FALSE" or "False" => false,
        var other => throw ApiException.Detailed(400, "ERR_PUBSUB_REQUEST_METADATA",
            $"failed deserializing metadata. Error: rawPayload value must be a valid boolean: actual is '{other}'", "DAPR_PUBSUB_METADATA_DESERIALIZATION", [],
            ApiException.Resource("pubsub", pubSubName)),
    };

    private LoadedPubSub Find(string pubSubName, string topic, IReadOnlyDictionary<string, string> metadata)
    {
        if (!components.PubSubs.TryGetValue(pubSubName, out var pubSub))
        {
            throw ApiException.Detailed(404, "ERR_PUBSUB_NOT_FOUND", $"pubsub {pubSubName} is not found", "DAPR_PUBSUB_NOT_FOUND", ToJson(metadata));
        }

        if (topic.Length == 0)
        {
            var message = $"topic is empty in pubsub {pubSubName}";
            throw ApiException.Detailed(404, "ERR_TOPIC_NAME_EMPTY", message, "DAPR_PUBSUB_TOPIC_NAME_EMPTY", ToJson(metadata), ApiException.Resource("pubsub", pubSubName, message));
        }

        return pubSub;
    }

    private static JsonObject ToJson(IReadOnlyDictionary<string, string> metadata) =>
        new(metadata.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)JsonValue.Create(pair.Value))));

    private EnvelopeSource Source(ApiRequest request, LoadedPubSub pubSub, string topic, Dictionary<string, string> metadata)
    {
        var headers = request.Http.Request.Headers;
        return new(pubSub.Name, topic, options.AppId, headers.TraceParent.ToString(), headers.TraceState.ToString(), metadata, pubSub.Broker.HandlesTtl, options.Time.GetUtcNow());
    }

    private byte[] Envelope(byte[] body, string? contentType, bool raw, EnvelopeSource source)
    {
        if (raw)
        {
            return body;
        }

        if (!CloudEvents.IsCloudEvent(contentType))
        {
            return CloudEvents.Wrap(body, contentType, source);
        }

        try
        {
            return CloudEvents.Complete(body, source);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            const string message = "cannot create cloudevent";
            throw ApiException.Detailed(500, "ERR_PUBSUB_CLOUD_EVENTS_SER", message, "DAPR_PUBSUB_CLOUD_EVENT_CREATION",
                new() { ["appID"] = options.AppId, ["error"] = e.Message }, ApiException.Resource("pubsub", source.PubSubName, message));
        }
    }

    private async Task Send(LoadedPubSub pubSub, string topic, IReadOnlyList<Message> messages, CancellationToken stop)
    {
        if (!pubSub.Scopes.MayPublish(topic))
        {
            var message = $"topic {topic} is not allowed for app id {options.AppId}";
            throw ApiException.Detailed(403, "ERR_PUBSUB_FORBIDDEN", message, "DAPR_PUBSUB_FORBIDDEN",
                new() { ["topic"] = topic, ["error"] = message }, ApiException.Resource("pubsub", pubSub.Name, message));
        }

        try
        {
            await policies.Outbound(pubSub.Name, "Pubsub").RunOrThrow(async token =>
            {
                await pubSub.Broker.Publish(messages, token);
                return true;
            }, stop);
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            throw PublishFailed(pubSub.Name, topic, e.Message);
        }
    }

    private static ApiException PublishFailed(string pubSubName, string topic, string problem)
    {
        var message = $"error when publishing to topic {topic} in pubsub {pubSubName}: {problem}";
        return ApiException.Detailed(500, "ERR_PUBSUB_PUBLISH_MESSAGE", message, "DAPR_PUBSUB_PUBLISH_MESSAGE",
            new() { ["topic"] = topic, ["error"] = problem }, ApiException.Resource("pubsub", pubSubName, message));
    }
}
