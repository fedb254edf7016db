using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lavka.Sidecar.Locks;
using Lavka.Sidecar.Resiliency;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Http;

/// <summary><c>/v1.0-alpha1/lock</c> and <c>/unlock</c> (Dapr: reference/api/distributed_lock_api).</summary>
internal sealed class LockApi(Components components, ResiliencyPolicies policies)
{
    /// <summary>False when this is no lock request.</summary>
    public async ValueTask<bool> TryHandle(ApiRequest request)
    {
        if (request.Method != "POST" || request.Segments.Length != 3)
        {
            return false;
        }

        var name = request.Segment(2);
        var locking = request.Segments[1] == "lock";
        using var document = await request.JsonOrEmpty();
        var root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw ApiException.Malformed("failed deserializing HTTP body: it is not an object");
        }

        var (resource, owner) = (Text(root, "resourceId", "resource_id"), Text(root, "lockOwner", "lock_owner"));
        var expiry = locking ? Seconds(root) : 1;
        if (expiry <= 0)
        {
            throw ApiException.Malformed($"ExpiryInSeconds is not positive in lock store {name}");
        }

        var store = Find(name, resource, owner);
        try
        {
            if (resource.Contains("||", StringComparison.Ordinal))
            {
                throw new InvalidOperationException($"input key/keyPrefix '{resource}' can't contain '||'");
            }

            await request.Answer(locking
                ? new JsonObject { ["success"] = await Run(_ => store.Store.TryLock(store.Prefix + resource, owner, TimeSpan.FromSeconds(expiry))) }
                : new JsonObject { ["status"] = (int)await Run(_ => store.Store.Unlock(store.Prefix + resource, owner)) });
        }
        catch (Exception e) when (!request.Stop.IsCancellationRequested)
        {
            throw locking
                ? new ApiException(500, "ERR_TRY_LOCK", $"failed to try acquiring lock: {e.Message}")
                : new ApiException(500, "ERR_UNLOCK", $"failed to release lock: {e.Message}");
        }

        return true;

        ValueTask<T> Run<T>(Func<CancellationToken, Task<T>> call) => policies.Outbound(name, "Lock").RunOrThrow(async stop => await call(stop), request.Stop);
    }

    private LoadedLockStore Find(string name, string resource, string owner) =>
        components.LockStores.IsEmpty ? throw new ApiException(500, "ERR_LOCK_STORE_NOT_CONFIGURED", "lock store is not configured")
        : resource.Length == 0 ? throw ApiException.Malformed($"ResourceId is empty in lock store {name}")
        : owner.Length == 0 ? throw ApiException.Malformed($"LockOwner is empty in lock store {name}")
        : components.LockStores.TryGetValue(name, out var store) ? store
        : throw new ApiException(400, "ERR_LOCK_STORE_NOT_FOUND", $"lock store {name} not found");

    private static string Text(JsonElement body, string name, string alias) =>
        !(body.TryGetProperty(name, out var value) || body.TryGetProperty(alias, out value)) || value.ValueKind == JsonValueKind.Null ? ""
        : value.ValueKind == JsonValueKind.String ? value.GetString()!
        : throw ApiException.Malformed($"failed deserializing HTTP body: proto: invalid value for string field {name}: {value}");

    // As protojson reads an int32: 60, 60.0 or "60".
    private static int Seconds(JsonElement body) =>
        !(body.TryGetProperty("expiryInSeconds", out var value) || body.TryGetProperty("expiry_in_seconds", out value)) || value.ValueKind == JsonValueKind.Null ? 0
        : value.ValueKind is JsonValueKind.Number or JsonValueKind.String && double.TryParse(value.ToString(), CultureInfo.InvariantCulture, out var number)
            && number == Math.Floor(number) && Math.Abs(number) <= int.MaxValue ? (int)number
        : throw ApiException.Malformed($"failed deserializing HTTP body: proto: invalid value for int32 field expiryInSeconds: {value}");
}
