using System.Diagnostics;
using System.Text.Json.Nodes;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.Resiliency;
using Lavka.Sidecar.Resources;
using Lavka.Sidecar.Secrets;

namespace Lavka.Sidecar.Http;

/// <summary><c>/v1.0/secrets</c> (Dapr: reference/api/secrets_api), with the Configuration's secret scopes.</summary>
internal sealed class SecretsApi(Components components, SidecarConfiguration configuration, ResiliencyPolicies policies, Telemetry telemetry)
{
    /// <summary>False when this is no secrets request.</summary>
    public async ValueTask<bool> TryHandle(ApiRequest request)
    {
        if (request.Method != "GET" || request.Segments.Length != 4)
        {
            return false;
        }

        var (storeName, name) = (request.Segment(2), request.Segment(3));
        if (components.SecretStores.IsEmpty)
        {
            throw new ApiException(500, "ERR_SECRET_STORES_NOT_CONFIGURED", "secret store is not configured");
        }

        if (!components.SecretStores.TryGetValue(storeName, out var store))
        {
            throw new ApiException(401, "ERR_SECRET_STORE_NOT_FOUND", $"failed finding secret store with key {storeName}");
        }

        var started = Stopwatch.GetTimestamp();
        var succeeded = false;
        try
        {
            await request.Answer(await policies.Outbound(storeName, "Secretstore").RunOrThrow(_ => ValueTask.FromResult(name == "bulk" ? All(storeName, store) : One(storeName, store, name)), request.Stop));
            succeeded = true;
        }
        finally
        {
            telemetry.Metrics?.Component("secret", storeName, name == "bulk" ? "bulk_get" : "get", succeeded, Stopwatch.GetElapsedTime(started));
        }

        return true;
    }

    private JsonObject One(string storeName, ISecretStore store, string name)
    {
        if (!configuration.MayRead(storeName, name))
        {
            throw new ApiException(403, "ERR_PERMISSION_DENIED", $"access denied by policy to get \"{name}\" from \"{storeName}\"");
        }

        try
        {
            return ToJson(store.Get(name));
        }
        catch (KeyNotFoundException e)
        {
            throw new ApiException(500, "ERR_SECRET_GET", $"failed getting secret with key {name} from secret store {storeName}: {e.Message}");
        }
    }

    private JsonObject All(string storeName, ISecretStore store) => new(store.GetAll()
        .Where(secret => configuration.MayRead(storeName, secret.Key))
        .Select(secret => KeyValuePair.Create(secret.Key, (JsonNode?)ToJson(secret.Value))));

    private static JsonObject ToJson(IReadOnlyDictionary<string, string> values) =>
        new(values.Select(pair => KeyValuePair.Create(pair.Key, (JsonNode?)JsonValue.Create(pair.Value))));
}
