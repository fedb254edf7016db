using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Http;

/// <summary><c>/v1.0/metadata</c> (Dapr: reference/api/metadata_api).</summary>
internal sealed class MetadataApi(Sidecar sidecar, SidecarOptions options)
{
    private readonly ConcurrentDictionary<string, string> _extended = new();

    /// <summary>False when this is no metadata request.</summary>
    public async ValueTask<bool> TryHandle(ApiRequest request)
    {
        switch (request.Segments.Length, request.Method)
        {
            case (2, "GET"):
                await request.Answer(ToJson());
                return true;
            case (3, "PUT"):
                _extended[request.Segment(2)] = Encoding.UTF8.GetString(await request.Body());
                request.Nothing();
                return true;
            default:
                return false;
        }
    }

    private JsonObject ToJson()
    {
        var json = new JsonObject { ["id"] = options.AppId, ["runtimeVersion"] = Sidecar.RuntimeVersion };
        AddList(json, "enabledFeatures", sidecar.Configuration.Features.Select(feature => JsonValue.Create(feature)));
        AddList(json, "actors", sidecar.Actors.Hosted.Select(actor => Actor(actor.Type, actor.Count)));
        AddList(json, "components", sidecar.Components.All.Select(component =>
        {
            var item = new JsonObject { ["name"] = component.Name, ["type"] = component.Type };
            if (component.Version.Length > 0)
            {
                item["version"] = component.Version;
            }

            AddList(item, "capabilities", component.Component.Capabilities.Select(capability => JsonValue.Create(capability)));
            return item;
        }));
        var extended = new JsonObject { ["daprRuntimeVersion"] = Sidecar.RuntimeVersion };
        foreach (var (name, value) in _extended.Where(pair => pair.Key != "daprRuntimeVersion"))
        {
            extended[name] = value;
        }

        json["extended"] = extended;
        AddList(json, "subscriptions", sidecar.Subscriptions.Select(subscription =>
        {
            var item = new JsonObject { ["pubsubname"] = subscription.PubSubName, ["topic"] = subscription.Topic };
            if (subscription.Metadata.Count > 0)
            {
                item["metadata"] = new JsonObject(subscription.Metadata.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)JsonValue.Create(pair.Value))));
            }

            AddList(item, "rules", subscription.Routes.Select(route =>
            {
                var rule = new JsonObject { ["path"] = route.Path };
                if (route.Match is not null)
                {
                    rule["match"] = route.Match.Text;
                }

                return rule;
            }));
            item["deadLetterTopic"] = subscription.DeadLetterTopic ?? "";
            item["type"] = subscription.IsDeclarative ? "DECLARATIVE" : "PROGRAMMATIC";
            return item;
        }));
        AddList(json, "httpEndpoints", sidecar.HttpEndpoints.Keys.Select(name => new JsonObject { ["name"] = name }));
        json["appConnectionProperties"] = AppConnection();
        var runtime = new JsonObject { ["runtimeStatus"] = "RUNNING", ["hostReady"] = sidecar.Actors.Hosted.Any(), ["placement"] = "placement: connected" };
        AddList(runtime, "activeActors", sidecar.Actors.Hosted.Select(actor => Actor(actor.Type, actor.Count)));
        json["actorRuntime"] = runtime;
        json["workflows"] = new JsonObject();
        return json;
    }

    private JsonObject AppConnection()
    {
        var connection = new JsonObject { ["protocol"] = options.AppProtocol.ToString().ToLowerInvariant(), ["channelAddress"] = options.AppChannelAddress };
        if (sidecar.App is { } app)
        {
            connection["port"] = app.Address.Port;
        }

        if (options.AppMaxConcurrency is { } most)
        {
            connection["maxConcurrency"] = most;
        }

        if (sidecar.App is not null && options.AppHealthCheck is { } health)
        {
            connection["health"] = new JsonObject
            {
                ["healthCheckPath"] = health.Path,
                ["healthProbeInterval"] = Durations.ToGo(health.Interval),
                ["healthProbeTimeout"] = Durations.ToGo(health.Timeout),
                ["healthThreshold"] = health.Threshold,
            };
        }

        return connection;
    }

    private static JsonObject Actor(string type, int count) => count > 0 ? new() { ["type"] = type, ["count"] = count } : new() { ["type"] = type };

    private static void AddList(JsonObject json, string name, IEnumerable<JsonNode?> items)
    {
        var list = new JsonArray([.. items]);
        if (list.Count > 0)
        {
            json[name] = list;
        }
    }
}
