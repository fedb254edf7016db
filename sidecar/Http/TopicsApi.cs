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

        var lags = await sidecar.Lags(request.Http.RequestAborted);
        await request.Answer(new JsonArray([.. lags.Select(lag => new JsonObject
        {
            ["pubsubname"] = lag.Spec.PubSubName,
            ["topic"] = lag.Spec.Topic,
            ["consumerGroup"] = lag.Consumer,
            ["waiting"] = lag.Lag?.Waiting,
            ["kept"] = lag.Lag?.Kept,
        })]));
        return true;
    }
}
