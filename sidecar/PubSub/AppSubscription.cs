using System.Text.Json.Serialization;

namespace Lavka.Sidecar.PubSub;

/// <summary>One element of an app's answer to <c>GET /dapr/subscribe</c> (Dapr: reference/api/pubsub_api).</summary>
internal sealed record AppSubscription
{
    public string PubsubName { get; init; } = "";

    public string Topic { get; init; } = "";

    public string? Route { get; init; }

    public AppRoutes? Routes { get; init; }

    public string? DeadLetterTopic { get; init; }

    public Dictionary<string, string>? Metadata { get; init; }

    public AppBulkSubscribe? BulkSubscribe { get; init; }

    public SubscriptionSpec ToSpec()
    {
        var routes = (Routes?.Rules ?? []).Select(rule => new Route(SubscriptionSpec.Condition(rule.Match), rule.Path ?? "")).ToList();
        if ((string.IsNullOrEmpty(Routes?.Default) ? Route : Routes.Default) is { Length: > 0 } otherwise)
        {
            routes.Add(new(null, otherwise));
        }

        return new(PubsubName, Topic, routes, string.IsNullOrEmpty(DeadLetterTopic) ? null : DeadLetterTopic, Metadata ?? [],
            BulkSubscribe is { Enabled: true } bulk ? PubSub.BulkSubscribe.From(bulk.MaxMessagesCount, bulk.MaxAwaitDurationMs) : null, SubscriptionType.Programmatic);
    }
}

internal sealed record AppRoutes(List<AppRule>? Rules, string? Default);

internal sealed record AppRule(string? Match, string? Path);

internal sealed record AppBulkSubscribe(bool Enabled, int? MaxMessagesCount, int? MaxAwaitDurationMs);

[JsonSourceGenerationOptions(PropertyNameCaseInsensitive = true)]
[JsonSerializable(typeof(List<AppSubscription>))]
internal sealed partial class AppJson : JsonSerializerContext;
