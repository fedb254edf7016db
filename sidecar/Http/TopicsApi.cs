using System.Text.Json.Nodes;

namespace Lavka.Sidecar.Http;

/// <summary>
/// <c>GET /embedded/v1/topics</c>: the topics the app subscribes to, and how far its consumer group is behind in each. Not Dapr's: daprd leaves this to the broker's own tools.
/// </summary>
internal sealed class TopicsApi(Sidecar sidecar)
{
    /// <summary>False when this is no such request.</summary>
    public async ValueTask<bool> TryHandle(ApiRequest request)
    {
        if (request.Method != "GET" || request.Segments is not [_, _, "topics"] || request.Http.Request.Headers.ContainsKey("dapr-app-id"))
        {
            return false;
        }

        var subscriptions = sidecar.ActiveSubscriptions;
        var lags = await Task.WhenAll(subscriptions.Select(subscription => subscription.Lag(request.Stop)));
        await request.Answer(new JsonArray([.. subscriptions.Zip(lags, (subscription, lag) => new JsonObject
        {
            ["pubsubname"] = subscription.Spec.PubSubName,
            ["topic"] = subscription.Spec.Topic,
            ["consumerGroup"] = subscription.Consumer,
            ["waiting"] = lag?.Waiting,
            ["kept"] = lag?.Kept,
        })]));
        return true;
    }
}
