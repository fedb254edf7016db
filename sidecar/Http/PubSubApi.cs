using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lavka.Sidecar.Go;
using Lavka.Sidecar.PubSub;
using Lavka.Sidecar.Resources;
using Lavka.Sidecar.State;

namespace Lavka.Sidecar.Http;

/// <summary><c>/v1.0/publish</c> (Dapr: reference/api/pubsub_api).</summary>
internal sealed class PubSubApi(Publisher publisher)
{
    private static readonly WrongKind GoKinds = GoMember.Of("bulkPublishMessageEntry", prefix: "");

    /// <summary>False when this is no publish request.</summary>
    public async ValueTask<bool> TryHandle(ApiRequest request, bool alpha)
    {
        // Without a topic it is no request of this API: daprd's router does not know the path.
        var bulk = request.Segments.Length >= 5 && request.Segments[2] == "bulk";
        if (!request.IsPostOrPut || request.Segments.Length < 4 || (alpha && !bulk))
        {
            return false;
        }

        await (bulk ? PublishBulk(request, request.Segment(3), request.Rest(4)) : Publish(request, request.Segment(2), request.Rest(3)));
        return true;
    }

    private async ValueTask Publish(ApiRequest request, string pubSubName, string topic)
    {
        var metadata = request.Metadata();
        var pubSub = publisher.Find(pubSubName, topic, metadata);
        byte[] body;
        try
        {
            body = await request.Body();
        }
        catch (BodyTooLargeException e)
        {
            throw Publisher.Failed(pubSubName, topic, e.Message);
        }

        await publisher.Publish(To(request, pubSub, topic, metadata), new(body, request.Http.Request.ContentType, metadata), request.Stop);
        request.Nothing();
    }

    private async ValueTask PublishBulk(ApiRequest request, string pubSubName, string topic)
    {
        var query = request.Metadata();
        var to = To(request, publisher.Find(pubSubName, topic, query), topic, query);
        List<BulkEntry> entries;
        try
        {
            using var body = ApiRequest.FirstValue(await request.Body());
            entries = [.. Entries(body.RootElement, query, (value, field, type) => Unreadable(GoKinds(value, field, type).Message))];
        }
        catch (Exception e) when (e is JsonException or BodyTooLargeException)
        {
            throw Unreadable(e.Message);
        }

        try
        {
            await publisher.PublishBulk(to, entries.Select(Event), request.Stop);
        }
        catch (ApiException e) when (e.Status == 500 && e.ErrorCode == "ERR_PUBSUB_PUBLISH_MESSAGE")
        {
            // The broker takes all or none, so all have failed.
            await request.Answer(new JsonObject
            {
                ["failedEntries"] = new JsonArray([.. entries.Select(entry => new JsonObject { ["entryId"] = entry.Id, ["error"] = e.Message })]),
                ["errorCode"] = e.ErrorCode,
            }, e.Status);
            return;
        }

        request.Nothing();

        OutgoingEvent Event(BulkEntry entry)
        {
            try
            {
                return new(EventBytes(entry), entry.ContentType, entry.Metadata, entry.Id);
            }
            catch (FormatException e)
            {
                var problem = $"error: {e.Message}";
                var message = $"error when marshalling cloud event envelope for topic {topic} pubsub {pubSubName}: {problem}";
                throw publisher.Unpublishable(pubSubName, "DAPR_PUBSUB_MARSHAL_ENVELOPE", message, problem);
            }
        }

        ApiException Unreadable(string problem) => publisher.Unpublishable(pubSubName, "DAPR_PUBSUB_UNMARSHAL_EVENTS",
            $"error when unmarshaling the request for topic {topic} pubsub {pubSubName}: {problem}", null);
    }

    private static Publication To(ApiRequest request, LoadedPubSub pubSub, string topic, Dictionary<string, string> metadata)
    {
        var (traceParent, traceState) = request.TraceContext;
        return new(pubSub, topic, Publisher.IsRaw(pubSub, metadata), traceParent, traceState);
    }

    private sealed record BulkEntry(string Id, JsonElement? Event, string ContentType, Dictionary<string, string> Metadata);

    /// <exception cref="ApiException">The body has another shape.</exception>
    private static IEnumerable<BulkEntry> Entries(JsonElement body, Dictionary<string, string> query, WrongKind wrong)
    {
        foreach (var entry in GoMember.Items(body, "", "[]http.bulkPublishMessageEntry", wrong))
        {
            var (id, contentType) = ("", "");
            JsonElement? @event = null;

            // As in daprd, the request's metadata reaches only entries that have some of their own.
            Dictionary<string, string> metadata = [];
            foreach (var member in GoMember.Members(entry, "", "http.bulkPublishMessageEntry", wrong))
            {
                // Dapr's JavaScript SDK sends entryID.
                if (GoMember.Is(member, "entryId"u8))
                {
                    id = GoMember.Text(member.Value, "entryId", wrong) ?? "";
                }
                else if (GoMember.Is(member, "contentType"u8))
                {
                    contentType = GoMember.Text(member.Value, "contentType", wrong) ?? "";
                }
                else if (GoMember.Is(member, "event"u8))
                {
                    @event = member.Value.Clone();
                }
                else if (GoMember.Is(member, "metadata"u8) && member.Value.ValueKind != JsonValueKind.Null)
                {
                    metadata = new(query);
                    foreach (var (name, value) in GoMember.Texts(member.Value, "metadata", wrong))
                    {
                        metadata[name] = value;
                    }
                }
            }

            yield return new(id, @event, contentType, metadata);
        }
    }

    /// <summary>The event as its content type says.</summary>
    /// <exception cref="FormatException">It does not fit; the message is daprd's, misspelt as there.</exception>
    private static byte[] EventBytes(BulkEntry entry)
    {
        var data = entry.Event ?? default;
        var mediaType = entry.ContentType.Split(';')[0].Trim().ToLowerInvariant();
        switch (mediaType)
        {
            case "application/octet-stream" when data.ValueKind == JsonValueKind.String:
                try
                {
                    return GoBase64.Decode(data.GetString()!);
                }
                catch (FormatException e)
                {
                    throw new FormatException($"unable to decode base64 application/octect-stream data: {e.Message}");
                }

            case "application/xml" or ['t', 'e', 'x', 't', '/', ..] when data.ValueKind == JsonValueKind.String:
                return Encoding.UTF8.GetBytes(data.GetString()!);
            case "application/json" or CloudEvents.ContentType:
                return data.ValueKind == JsonValueKind.Undefined ? "null"u8.ToArray() : GoJson.Normalise(data);
            default:
                throw new FormatException("mismatch between contentType and event");
        }
    }
}
