using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Grpc.Core;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.Resiliency;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.PubSub;

/// <summary>An event as the app publishes it.</summary>
/// <param name="Data">What it is about.</param>
/// <param name="ContentType">What the data are; null or empty: text.</param>
/// <param name="Metadata">For its envelope and the broker, for example <c>cloudevent.id</c> or <c>partitionKey</c>.</param>
/// <param name="EntryId">Tells the events of a bulk apart.</param>
internal sealed record OutgoingEvent(
    ReadOnlyMemory<byte> Data, string? ContentType, IReadOnlyDictionary<string, string> Metadata, string EntryId = "");

/// <summary>Where events are published to, and how.</summary>
/// <param name="PubSub">The component.</param>
/// <param name="Topic">Its topic.</param>
/// <param name="IsRaw">Whether they go as they are, without an envelope.</param>
/// <param name="TraceParent">The trace they belong to, or nothing.</param>
/// <param name="TraceState">The trace's state, or nothing.</param>
internal readonly record struct Publication(LoadedPubSub PubSub, string Topic, bool IsRaw, string TraceParent, string TraceState);

/// <summary>
/// Publishes with the app's scopes and resiliency policies: for the API (Dapr: reference/api/pubsub_api), for dead letters, for the outbox.
/// </summary>
internal sealed class Publisher(Components components, ResiliencyPolicies policies, Telemetry telemetry, SidecarOptions options)
{
    /// <summary>The component to publish with.</summary>
    /// <param name="pubSubName">Its name.</param>
    /// <param name="topic">The topic to publish to.</param>
    /// <param name="metadata">The request's, which errors tell.</param>
    /// <param name="tellsMetadata">Whether even the error of a component that is not there does: over HTTP, but not over gRPC.</param>
    /// <exception cref="ApiException">There is none of this name, or no topic is given.</exception>
    public LoadedPubSub Find(string pubSubName, string topic, IReadOnlyDictionary<string, string> metadata, bool tellsMetadata = true)
    {
        if (pubSubName.Length == 0)
        {
            throw Empty("ERR_PUBSUB_EMPTY", "DAPR_PUBSUB_NAME_EMPTY", "pubsub name is empty");
        }

        if (!components.PubSubs.TryGetValue(pubSubName, out var pubSub))
        {
            var details = ApiException.DetailsOf("DAPR_PUBSUB_NOT_FOUND", tellsMetadata ? ToJson(metadata) : null);
            throw new ApiException(404, "ERR_PUBSUB_NOT_FOUND", $"pubsub {pubSubName} is not found", details) { Code = StatusCode.InvalidArgument };
        }

        return topic.Length > 0
            ? pubSub
            : throw Empty("ERR_TOPIC_NAME_EMPTY", "DAPR_PUBSUB_TOPIC_NAME_EMPTY", $"topic is empty in pubsub {pubSubName}");

        ApiException Empty(string errorCode, string reason, string message)
        {
            var details = ApiException.DetailsOf(reason, ToJson(metadata), ApiException.Resource("pubsub", pubSubName, message));
            return new(404, errorCode, message, details) { Code = StatusCode.InvalidArgument };
        }
    }

    /// <summary>Whether a request's metadata say that its events go without an envelope (Dapr: developing-applications/building-blocks/pubsub/pubsub-raw).</summary>
    /// <exception cref="ApiException">They say it in other words than Go's.</exception>
    public static bool IsRaw(LoadedPubSub pubSub, IReadOnlyDictionary<string, string> metadata)
    {
        if (GoBool.Parse(metadata.GetValueOrDefault("rawPayload")) is { } raw)
        {
            return raw;
        }

        var message = $"failed deserializing metadata. Error: rawPayload value must be a valid boolean: actual is '{metadata["rawPayload"]}'";
        throw ApiException.Detailed(400, "ERR_PUBSUB_REQUEST_METADATA", message, "DAPR_PUBSUB_METADATA_DESERIALIZATION", ToJson(metadata),
            ApiException.Resource("pubsub", pubSub.Name, message));
    }

    /// <summary>Publishes one event for the app.</summary>
    /// <exception cref="ApiException">It is no CloudEvent though it says so, the app may not publish there, or the broker has not taken it.</exception>
    public Task Publish(Publication to, OutgoingEvent @event, CancellationToken stop) => Send(to.PubSub, [Pack(to, @event)], stop);

    /// <summary>Publishes several events for the app together: all, or none.</summary>
    /// <exception cref="ApiException">As for one event; or an entry's id is missing or there twice.</exception>
    public async Task PublishBulk(Publication to, IEnumerable<OutgoingEvent> events, CancellationToken stop)
    {
        var checkedEvents = new List<OutgoingEvent>();
        var ids = new HashSet<string>();
        foreach (var @event in events)
        {
            if (@event.EntryId.Length == 0 || !ids.Add(@event.EntryId))
            {
                const string problem = "entryId is duplicated or not present for entry";
                var message = $"error marshaling events to bytes for topic {to.Topic} pubsub {to.PubSub.Name}. error: {problem}";
                throw Unpublishable(to.PubSub.Name, "DAPR_PUBSUB_MARSHAL_EVENTS", message, problem);
            }

            checkedEvents.Add(@event);
        }

        if (checkedEvents.Count > 0)
        {
            await Send(to.PubSub, [.. checkedEvents.Select(@event => Pack(to, @event))], stop);
        }
    }

    /// <summary>Events that cannot be published because of what they are.</summary>
    /// <param name="pubSubName">Where they were to go.</param>
    /// <param name="reason">Dapr's reason.</param>
    /// <param name="message">What is wrong.</param>
    /// <param name="problem">The same without its context; null: the details do not have it.</param>
    public ApiException Unpublishable(string pubSubName, string reason, string message, string? problem)
    {
        var metadata = new JsonObject { ["appID"] = options.AppId };
        if (problem is not null)
        {
            metadata["error"] = problem;
        }

        return ApiException.Detailed(400, "ERR_PUBSUB_EVENTS_SER", message, reason, metadata, ApiException.Resource("pubsub", pubSubName, message));
    }

    private Message Pack(Publication to, OutgoingEvent @event) =>
        new(to.Topic, to.IsRaw ? @event.Data : Envelope(to, @event), @event.Metadata.Count == 0 ? Message.NoMetadata : @event.Metadata);

    private byte[] Envelope(Publication to, OutgoingEvent @event)
    {
        var pubSub = to.PubSub;
        var source = new EnvelopeSource(
            pubSub.Name, to.Topic, options.AppId, to.TraceParent, to.TraceState, @event.Metadata, pubSub.Broker.HandlesTtl, options.Time.GetUtcNow());
        if (!CloudEvents.IsCloudEvent(@event.ContentType))
        {
            return CloudEvents.Wrap(@event.Data, @event.ContentType, source);
        }

        try
        {
            return CloudEvents.Complete(@event.Data, source);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)
        {
            const string message = "cannot create cloudevent";
            throw new ApiException(500, "ERR_PUBSUB_CLOUD_EVENTS_SER", message, ApiException.DetailsOf("DAPR_PUBSUB_CLOUD_EVENT_CREATION",
                new() { ["appID"] = options.AppId, ["error"] = e.Message }, ApiException.Resource("pubsub", to.PubSub.Name, message)))
            {
                Code = StatusCode.InvalidArgument,
            };
        }
    }

    private static JsonObject ToJson(IReadOnlyDictionary<string, string> metadata) =>
        new(metadata.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)JsonValue.Create(pair.Value))));

    /// <inheritdoc cref="Send(LoadedPubSub, IReadOnlyList{Message}, CancellationToken)"/>
    public Task Send(string pubSubName, IReadOnlyList<Message> messages, CancellationToken stop) =>
        Send(Find(pubSubName, messages[0].Topic, Message.NoMetadata), messages, stop);

    /// <summary>Completes when the broker has the messages, which are of one topic.</summary>
    /// <exception cref="ApiException">The app may not publish there, or the broker has not taken them.</exception>
    public async Task Send(LoadedPubSub pubSub, IReadOnlyList<Message> messages, CancellationToken stop)
    {
        var topic = messages[0].Topic;
        if (!pubSub.Scopes.MayPublish(topic))
        {
            var message = $"topic {topic} is not allowed for app id {options.AppId}";
            throw ApiException.Detailed(403, "ERR_PUBSUB_FORBIDDEN", message, "DAPR_PUBSUB_FORBIDDEN",
                new() { ["topic"] = topic, ["error"] = message }, ApiException.Resource("pubsub", pubSub.Name, message));
        }

        var started = Stopwatch.GetTimestamp();
        var succeeded = false;
        try
        {
            await policies.Outbound(pubSub.Name, "Pubsub").RunOrThrow(async token =>
            {
                await pubSub.Broker.Publish(messages, token);
                return true;
            }, stop);
            succeeded = true;
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            throw Failed(pubSub.Name, topic, e.Message);
        }
        finally
        {
            telemetry.Metrics?.PubSubEgress(pubSub.Name, topic, succeeded, messages.Count > 1, Stopwatch.GetElapsedTime(started));
        }
    }

    public static ApiException Failed(string pubSubName, string topic, string problem)
    {
        var message = $"error when publishing to topic {topic} in pubsub {pubSubName}: {problem}";
        return ApiException.Detailed(500, "ERR_PUBSUB_PUBLISH_MESSAGE", message, "DAPR_PUBSUB_PUBLISH_MESSAGE",
            new() { ["topic"] = topic, ["error"] = problem }, ApiException.Resource("pubsub", pubSubName, message));
    }
}
