using Dapr.Client.Autogen.Grpc.v1;
using Lavka.Sidecar.Locks;

namespace Lavka.Sidecar.Grpc;

/// <summary>The lock calls of Dapr's gRPC API (Dapr: reference/api/distributed_lock_api).</summary>
internal sealed class LockCalls(DistributedLocks locks)
{
    public void AddTo(GrpcMethods methods)
    {
        methods.Unary<TryLockRequest, TryLockResponse>("lock", TryLockAlpha1);
        methods.Unary<UnlockRequest, UnlockResponse>("unlock", UnlockAlpha1);
    }

    private async Task<TryLockResponse> TryLockAlpha1(TryLockRequest request, GrpcCall call) =>
        new() { Success = await locks.TryLock(request.StoreName, request.ResourceId, request.LockOwner, request.ExpiryInSeconds, call.Stop) };

    private async Task<UnlockResponse> UnlockAlpha1(UnlockRequest request, GrpcCall call) =>
        new() { Status = (UnlockResponse.Types.Status)await locks.Unlock(request.StoreName, request.ResourceId, request.LockOwner, call.Stop) };
}
