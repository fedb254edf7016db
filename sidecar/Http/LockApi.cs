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

        var (store, resource, owner, seconds) = (request.Segment(2), "", "", 0);
        var isLock = request.Segments[1] == "lock";
        await ProtoJson.Read(request, json =>
        [
            new("storeName", "store_name", () => json.Text("storeName")),
            new("resourceId", "resource_id", () => resource = json.Text("resourceId")),
            new("lockOwner", "lock_owner", () => owner = json.Text("lockOwner")),
            .. isLock
                ? [new("expiryInSeconds", "expiry_in_seconds", () => seconds = json.Int32("expiryInSeconds"))]
                : Array.Empty<ProtoJson.Field>(),
        ]);
        await request.Answer(isLock
            ? new JsonObject { ["success"] = await locks.TryLock(store, resource, owner, seconds, request.Stop) }
            : new JsonObject { ["status"] = (int)await locks.Unlock(store, resource, owner, request.Stop) });
        return true;
    }
}
