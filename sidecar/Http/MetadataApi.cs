using System.Text;
using System.Text.Json.Nodes;
using Lavka.Sidecar.PubSub;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Http;

/// <summary><c>/v1.0/metadata</c> (Dapr: reference/api/metadata_api).</summary>
internal sealed class MetadataApi(SidecarMetadata metadata)
{
    /// <summary>False when this is no metadata request.</summary>
    public async ValueTask<bool> TryHandle(ApiRequest request)
    {
        switch (request.Segments.Length, request.Method)
        {
            case (2, "GET"):
                await request.Answer(ToJson());
                return true;
            case (3, "PUT"):
                metadata.Set(request.Segment(2), Encoding.UTF8.GetString(await request.Body()));
                request.Nothing();
                return true;
            default:
                return false;
        }
    }

    private JsonObject ToJson()
    {
        var json = new JsonObject { ["id"] = metadata.Id, ["runtimeVersion"] = Sidecar.RuntimeVersion };
        AddList(json, "enabledFeatures", metadata.Features.Select(feature => JsonValue.Create(feature)));
        AddList(json, "actors", metadata.Actors.Select(Actor));
        AddList(json, "components", metadata.Components.Select(Component));
        json["extended"] = Texts(metadata.Extended);
        AddList(json, "subscriptions", metadata.Subscriptions.Select(Subscription));
        AddList(json, "httpEndpoints", metadata.HttpEndpoints.Select(name => new JsonObject { ["name"] = name }));
        json["appConnectionProperties"] = AppConnection();
        json["actorRuntime"] = ActorRuntime();
        json["workflows"] = new JsonObject();
        return json;
    }

    private static JsonObject Component(LoadedComponent component)
    {
        var json = new JsonObject { ["name"] = component.Name, ["type"] = component.Type };
        AddText(json, "version", component.Version);
        AddList(json, "capabilities", component.Component.Capabilities.Select(capability => JsonValue.Create(capability)));
        return json;
    }

    private static JsonObject Subscription(SubscriptionSpec subscription)
    {
        var json = new JsonObject { ["pubsubname"] = subscription.PubSubName, ["topic"] = subscription.Topic };
        if (subscription.Metadata.Count > 0)
        {
            json["metadata"] = Texts(subscription.Metadata);
        }

        AddList(json, "rules", subscription.Routes.Select(route =>
        {
            var rule = new JsonObject { ["path"] = route.Path };
            if (route.Match is not null)
            {
                rule["match"] = route.Match.Text;
            }

            return rule;
        }));
        json["deadLetterTopic"] = subscription.DeadLetterTopic ?? "";
        json["type"] = subscription.Type.ToString().ToUpperInvariant();
        return json;
    }

    private JsonObject AppConnection()
    {
        var json = new JsonObject { ["protocol"] = metadata.AppProtocol, ["channelAddress"] = metadata.AppChannelAddress };
        AddNumber(json, "port", metadata.AppPort);
        AddNumber(json, "maxConcurrency", metadata.AppMaxConcurrency);
        if (metadata.AppHealth is { } health)
        {
            var check = new JsonObject();
            AddText(check, "healthCheckPath", metadata.AppHealthPath);
            check["healthProbeInterval"] = Durations.ToGo(health.Interval);
            check["healthProbeTimeout"] = Durations.ToGo(health.Timeout);
            check["healthThreshold"] = health.Threshold;
            json["health"] = check;
        }

        return json;
    }

    private JsonObject ActorRuntime()
    {
        var isRunning = metadata.ActorStatus == ActorRuntimeStatus.Running;
        var json = new JsonObject { ["runtimeStatus"] = metadata.ActorStatus.ToString().ToUpperInvariant(), ["hostReady"] = isRunning };
        AddText(json, "placement", metadata.Placement);
        AddList(json, "activeActors", metadata.Actors.Select(Actor));
        return json;
    }

    private static JsonObject Actor((string Type, int Count) actor)
    {
        var json = new JsonObject { ["type"] = actor.Type };
        AddNumber(json, "count", actor.Count);
        return json;
    }

    private static JsonObject Texts(IEnumerable<KeyValuePair<string, string>> texts) =>
        new(texts.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)JsonValue.Create(pair.Value))));

    private static void AddText(JsonObject json, string name, string text)
    {
        if (text.Length > 0)
        {
            json[name] = text;
        }
    }

    private static void AddNumber(JsonObject json, string name, int number)
    {
        if (number > 0)
        {
            json[name] = number;
        }
    }

    private static void AddList(JsonObject json, string name, IEnumerable<JsonNode?> items)
    {
        var list = new JsonArray([.. items]);
        if (list.Count > 0)
        {
            json[name] = list;
        }
    }
}
