using System.Text.Json.Nodes;
using Lavka.Sidecar.Secrets;

namespace Lavka.Sidecar.Http;

/// <summary><c>/v1.0/secrets</c> (Dapr: reference/api/secrets_api).</summary>
internal sealed class SecretsApi(SecretsManagement secrets)
{
    /// <summary>False when this is no secrets request.</summary>
    public async ValueTask<bool> TryHandle(ApiRequest request)
    {
        if (request.Method != "GET" || request.Segments.Length != 4)
        {
            return false;
        }

        var (store, name) = (request.Segment(2), request.Segment(3));
        await request.Answer(name == "bulk"
            ? new JsonObject((await secrets.GetBulk(store, request.Stop)).Select(secret => KeyValuePair.Create(secret.Key, (JsonNode?)ToJson(secret.Value))))
            : ToJson(await secrets.Get(store, name, request.Stop)));
        return true;
    }

    private static JsonObject ToJson(IReadOnlyDictionary<string, string> values) =>
        new(values.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)JsonValue.Create(pair.Value))));
}
