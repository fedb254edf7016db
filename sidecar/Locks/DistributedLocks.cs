using Grpc.Core;
using Lavka.Sidecar.Resiliency;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Locks;

/// <summary>Dapr's distributed locks, whoever asks for them (Dapr: reference/api/distributed_lock_api). What they cannot do is an <see cref="ApiException"/>.</summary>
internal sealed class DistributedLocks(Components components, ResiliencyPolicies policies)
{
    /// <summary>False: somebody holds it, be it the same owner.</summary>
    /// <param name="storeName">The lock store.</param>
    /// <param name="resource">What to lock.</param>
    /// <param name="owner">Who wants it.</param>
    /// <param name="expiry">In seconds.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    public async ValueTask<bool> TryLock(string storeName, string resource, string owner, int expiry, CancellationToken cancellationToken)
    {
        if (expiry <= 0)
        {
            throw Malformed($"ExpiryInSeconds is not positive in lock store {storeName}");
        }

        var store = Find(storeName, resource, owner);
        try
        {
            return await Run(storeName, () => store.Store.TryLock(Key(store, resource), owner, TimeSpan.FromSeconds(expiry)), cancellationToken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            throw ApiException.Plain(500, "ERR_TRY_LOCK", $"failed to try acquiring lock: {e.Message}");
        }
    }

    /// <summary>Gives a lock back.</summary>
    public async ValueTask<UnlockStatus> Unlock(string storeName, string resource, string owner, CancellationToken cancellationToken)
    {
        var store = Find(storeName, resource, owner);
        try
        {
            return await Run(storeName, () => store.Store.Unlock(Key(store, resource), owner), cancellationToken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            throw ApiException.Plain(500, "ERR_UNLOCK", $"failed to release lock: {e.Message}");
        }
    }

    private LoadedLockStore Find(string name, string resource, string owner) =>
        components.LockStores.IsEmpty ? throw ApiException.Plain(500, "ERR_LOCK_STORE_NOT_CONFIGURED", "lock store is not configured", StatusCode.FailedPrecondition)
        : resource.Length == 0 ? throw Malformed($"ResourceId is empty in lock store {name}")
        : owner.Length == 0 ? throw Malformed($"LockOwner is empty in lock store {name}")
        : components.LockStores.TryGetValue(name, out var store) ? store
        : throw ApiException.Plain(400, "ERR_LOCK_STORE_NOT_FOUND", $"lock store {name} not found");

    private static ApiException Malformed(string message) => ApiException.Plain(400, "ERR_MALFORMED_REQUEST", message);

    private static string Key(LoadedLockStore store, string resource) =>
        resource.Contains("||", StringComparison.Ordinal) ? throw new InvalidOperationException($"input key/keyPrefix '{resource}' can't contain '||'") : store.Prefix + resource;

    private ValueTask<T> Run<T>(string name, Func<Task<T>> call, CancellationToken cancellationToken) =>
        policies.Outbound(name, "Lock").RunOrThrow(async _ => await call(), cancellationToken);
}
