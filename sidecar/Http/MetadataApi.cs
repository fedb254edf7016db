using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;

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
        AddList(json, "actors", sidecar.Actors.Hosted.Select(actor => new JsonObject { ["type"] = actor.Type, ["count"] = actor.Count }));
        AddList(json, "components", sidecar.Components.All.Select(component =>
        {
            var item = new JsonObject { ["name"] = component.Name, ["type"] = component.Type, ["version"] = component.Version };
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
        if (sidecar.App is { } app)
        {
            var connection = new JsonObject { ["port"] = app.Address.Port, ["protocol"] = "http", ["channelAddress"] = app.Address.Host };
            if (options.AppMaxConcurrency is { } most)
            {
                connection["maxConcurrency"] = most;
            }

            json["appConnectionProperties"] = connection;
        }

        json["actorRuntime"] = new JsonObject
        {
            ["runtimeStatus"] = "RUNNING",
            ["hostReady"] = sidecar.Actors.Hosted.Any(),
            ["placement"] = "placement: connected",
        };
        AddList(json, "resiliencies", sidecar.ResiliencyNames.Select(name => new JsonObject { ["name"] = name }));
        return json;
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
