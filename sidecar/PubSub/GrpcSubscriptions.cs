using Dapr.AppCallback.Autogen.Grpc.v1;
using Grpc.Core;
using Lavka.Sidecar.Cel;
using Lavka.Sidecar.Resiliency;

namespace Lavka.Sidecar.PubSub;

/// <summary>What a gRPC app subscribes to (Dapr: <c>ListTopicSubscriptions</c> of the service AppCallback).</summary>
internal static class GrpcSubscriptions
{
    // As daprd's built-in policy for what it asks at the start.
    private static readonly RetrySpec Retries = new(Exponential: true, default, MaxInterval: TimeSpan.FromSeconds(1), MaxRetries: 3, null);
    private static readonly Policy Patience = new(null, Retries, null, TimeProvider.System);

    /// <summary>Asks the app; one that does not know the call has no subscriptions.</summary>
    /// <exception cref="RpcException">It has no answer but an error.</exception>
    /// <exception cref="CelException">A rule does not parse.</exception>
    public static async Task<IReadOnlyList<SubscriptionSpec>> Ask(AppCalls app, CancellationToken cancellationToken)
    {
        var answer = await Patience.RunOrThrow(async token =>
        {
            try
            {
                return await app.ListTopicSubscriptions(token);
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Unimplemented)
            {
                return new();
            }
        }, cancellationToken);
        return [.. answer.Subscriptions.Select(Read)];
    }

    private static SubscriptionSpec Read(TopicSubscription subscription)
    {
        var rules = subscription.Routes?.Rules ?? [];
        var routes = rules.Select(rule => new Route(SubscriptionSpec.Condition(rule.Match), rule.Path)).ToList();
        if (subscription.Routes?.Default is { Length: > 0 } otherwise)
        {
            routes.Add(new(null, otherwise));
        }

        if (routes.Count == 0)
        {
            // Unlike an HTTP app it needs none: its events all come to one method.
            routes.Add(new(null, ""));
        }

        return new(
            subscription.PubsubName,
            subscription.Topic,
            routes,
            subscription.DeadLetterTopic.Length == 0 ? null : subscription.DeadLetterTopic,
            new Dictionary<string, string>(subscription.Metadata),
            subscription.BulkSubscribe is { Enabled: true } bulk ? BulkSubscribe.From(bulk.MaxMessagesCount, bulk.MaxAwaitDurationMs) : null,
            SubscriptionType.Programmatic);
    }
}
