using System.Text.Json.Nodes;
using Dapr;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Answers the sidecar's question what to subscribe to.</summary>
public static class DaprEndpointRouteBuilderExtensions
{
    /// <summary>
    /// Maps <c>GET /dapr/subscribe</c>, which lists the endpoints that have topics (Dapr: reference/api/pubsub_api). Several endpoints of one topic
    /// become routing rules in the order of their priorities.
    /// </summary>
    /// <param name="endpoints">The application.</param>
    public static IEndpointConventionBuilder MapSubscribeHandler(this IEndpointRouteBuilder endpoints) => endpoints.MapGet("dapr/subscribe", (HttpContext http) =>
    {
        var source = http.RequestServices.GetRequiredService<EndpointDataSource>();
        var list = Subscriptions(source.Endpoints);
        return http.Response.WriteAsync(list.ToJsonString(), http.RequestAborted);
    });

    private static JsonArray Subscriptions(IReadOnlyList<Endpoint> endpoints) => new([.. endpoints.OfType<RouteEndpoint>()
        .SelectMany(endpoint => endpoint.Metadata.GetOrderedMetadata<ITopicMetadata>().Select(topic => (Endpoint: endpoint, Topic: topic)))
        .GroupBy(pair => (pair.Topic.PubsubName, pair.Topic.Name))
        .OrderBy(group => group.Key)
        .Select(group => Subscription(group.Key.PubsubName, group.Key.Name, [.. group.OrderBy(pair => pair.Topic.Priority)]))]);

    private static JsonNode Subscription(string pubSubName, string topic, List<(RouteEndpoint Endpoint, ITopicMetadata Topic)> routes)
    {
        var subscription = new JsonObject { ["topic"] = topic, ["pubsubName"] = pubSubName };
        var otherwise = routes.Where(route => string.IsNullOrEmpty(route.Topic.Match)).Select(route => PathOf(route.Endpoint)).FirstOrDefault();
        if (routes.Any(route => !string.IsNullOrEmpty(route.Topic.Match)))
        {
            var rules = routes.Where(route => !string.IsNullOrEmpty(route.Topic.Match))
                .Select(route => (JsonNode)new JsonObject { ["match"] = route.Topic.Match, ["path"] = PathOf(route.Endpoint) });
            subscription["routes"] = new JsonObject { ["rules"] = new JsonArray([.. rules]) };
            if (otherwise is not null)
            {
                subscription["routes"]!["default"] = otherwise;
            }
        }
        else
        {
            subscription["route"] = otherwise;
        }

        var metadata = new JsonObject();
        foreach (var item in routes.SelectMany(route => route.Endpoint.Metadata.GetOrderedMetadata<TopicMetadataAttribute>()))
        {
            metadata[item.Name] = item.Value;
        }

        if (routes.Any(route => route.Topic is IRawTopicMetadata { EnableRawPayload: true }))
        {
            metadata["rawPayload"] = "true";
        }

        if (metadata.Count > 0)
        {
            subscription["metadata"] = metadata;
        }

        if (routes[0].Topic is IDeadLetterTopicMetadata { DeadLetterTopic: { Length: > 0 } deadLetterTopic })
        {
            subscription["deadLetterTopic"] = deadLetterTopic;
        }

        return subscription;
    }

    private static string PathOf(RouteEndpoint endpoint) => (endpoint.RoutePattern.RawText ?? "").TrimStart('/');
}
