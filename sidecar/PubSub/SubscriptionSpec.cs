using System.Text.Json;
using Lavka.Sidecar.Cel;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.PubSub;

/// <summary>A path for the events that match; without a condition, for all.</summary>
internal sealed record Route(CelExpression? Match, string Path);

/// <summary>How a subscription gathers messages into one request (Dapr: developing-applications/building-blocks/pubsub/pubsub-bulk).</summary>
/// <param name="MaxMessages"><c>maxMessagesCount</c>, 100 by default.</param>
/// <param name="MaxWait"><c>maxAwaitDurationMs</c> after the first message, one second by default.</param>
internal sealed record BulkSubscribe(int MaxMessages, TimeSpan MaxWait)
{
    public static BulkSubscribe From(int? maxMessages, int? maxWaitMilliseconds) =>
        new(maxMessages is > 0 and var most ? most : 100, TimeSpan.FromMilliseconds(maxWaitMilliseconds is > 0 and var wait ? wait : 1000));
}

/// <summary>Who has said that there is a subscription (Dapr: developing-applications/building-blocks/pubsub/subscription-methods).</summary>
internal enum SubscriptionType
{
    /// <summary>A resource.</summary>
    Declarative,

    /// <summary>The app, when it was asked.</summary>
    Programmatic,

    /// <summary>A client that has opened a stream.</summary>
    Streaming,
}

/// <summary>What an app wants to hear (Dapr: developing-applications/building-blocks/pubsub/subscription-methods).</summary>
internal sealed record SubscriptionSpec(
    string PubSubName, string Topic, IReadOnlyList<Route> Routes, string? DeadLetterTopic, IReadOnlyDictionary<string, string> Metadata, BulkSubscribe? Bulk, SubscriptionType Type)
{
    /// <summary>Whether messages are no CloudEvents; null: the metadata does not say so in Go's words, and nothing can be delivered.</summary>
    public bool? RawPayload => GoBool.Parse(Metadata.GetValueOrDefault("rawPayload"));

    /// <summary>A Subscription resource, v1alpha1 or v2alpha1.</summary>
    /// <exception cref="ResourceException">A rule does not parse.</exception>
    public static SubscriptionSpec From(Resource resource)
    {
        // Each version has its own fields; what the other calls them means nothing to it.
        var spec = resource.Spec;
        var routes = new List<Route>();
        var second = resource.ApiVersion == "dapr.io/v2alpha1";
        foreach (var rule in second ? spec.Get("routes").Items("rules") : [])
        {
            try
            {
                routes.Add(new(Condition(rule.Text("match")), rule.Text("path") ?? ""));
            }
            catch (CelException e)
            {
                throw resource.Error($"the rule '{rule.Text("match")}' does not parse: {e.Message}.");
            }
        }

        if ((second ? spec.Get("routes").Text("default") : spec.Text("route")) is { } otherwise)
        {
            routes.Add(new(null, otherwise));
        }

        return new(spec.Text("pubsubname") ?? "", spec.Text("topic") ?? "", routes, spec.Text("deadLetterTopic"),
            spec.Get("metadata").Pairs().ToDictionary(pair => pair.Key, pair => pair.Value.Value()),
            spec.Get("bulkSubscribe") is { } bulk && bulk.Flag("enabled") ? BulkSubscribe.From(Number(bulk, "maxMessagesCount"), Number(bulk, "maxAwaitDurationMs")) : null,
            SubscriptionType.Declarative);

        int? Number(YamlDotNet.RepresentationModel.YamlNode bulk, string field) => bulk.Text(field) is not { } text ? null
            : int.TryParse(text, System.Globalization.CultureInfo.InvariantCulture, out var number) ? number
            : throw resource.Error($"spec.bulkSubscribe.{field} is '{text}'; allowed is a whole number.");
    }

    /// <summary>An app's answer to <c>GET /dapr/subscribe</c>.</summary>
    /// <exception cref="JsonException">It is not a list of subscriptions.</exception>
    /// <exception cref="CelException">A rule does not parse.</exception>
    public static IReadOnlyList<SubscriptionSpec> FromApp(ReadOnlySpan<byte> answer)
    {
        if (answer.IsEmpty)
        {
            return [];
        }

        var items = JsonSerializer.Deserialize(answer, AppJson.Default.ListAppSubscription) ?? [];
        return [.. items.Select(item => item.ToSpec())];
    }

    internal static CelExpression? Condition(string? match) => string.IsNullOrWhiteSpace(match) ? null : CelExpression.Parse(match);
}
