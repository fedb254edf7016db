using System.Diagnostics;
using System.Text.Json.Nodes;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.Resiliency;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.PubSub;

/// <summary>Publishes with the app's scopes and resiliency policies: for the API, for dead letters, for the outbox.</summary>
internal sealed class Publisher(Components components, ResiliencyPolicies policies, Telemetry telemetry, SidecarOptions options)
{
    /// <summary>The component to publish with.</summary>
    /// <exception cref="ApiException">There is none of this name, or no topic is given.</exception>
    public LoadedPubSub Find(string pubSubName, string topic, IReadOnlyDictionary<string, string> metadata)
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
