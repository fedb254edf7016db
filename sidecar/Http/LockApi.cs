using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lavka.Sidecar.Locks;

namespace Lavka.Sidecar.Http;

/// <summary><c>/v1.0-alpha1/lock</c> and <c>/unlock</c> (Dapr: reference/api/distributed_lock_api).</summary>
internal sealed class LockApi(DistributedLocks locks)
{
    /// <summary>False when this is no lock request.</summary>
    public async ValueTask<bool> TryHandle(ApiRequest request)
    {
        if (request.Method != "POST" || request.Segments.Length != 3)
        {
            return false;
        }

        var store = request.Segment(2);
        using var document = await request.JsonOrEmpty();
        var root = document.RootElement;
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw ApiException.Malformed("failed deserializing HTTP body: it is not an object");
        }

        var (resource, owner) = (Text(root, "resourceId", "resource_id"), Text(root, "lockOwner", "lock_owner"));
        await request.Answer(request.Segments[1] == "lock"
            ? new JsonObject { ["success"] = await locks.TryLock(store, resource, owner, Seconds(root), request.Stop) }
            : new JsonObject { ["status"] = (int)await locks.Unlock(store, resource, owner, request.Stop) });
        return true;
    }

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
