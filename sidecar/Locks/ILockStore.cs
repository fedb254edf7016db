using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Locks;

/// <summary>What came of an unlock, with Dapr's numbers (Dapr: reference/api/distributed_lock_api).</summary>
internal enum UnlockStatus { Success = 0, DoesNotExist = 1, BelongsToOthers = 2 }

/// <summary>A distributed lock component.</summary>
internal interface ILockStore : IComponent
{
    /// <summary>False: somebody holds it, be it the same owner.</summary>
    Task<bool> TryLock(string resource, string owner, TimeSpan expiry);

    Task<UnlockStatus> Unlock(string resource, string owner);
}

/// <summary>A lock component with what belongs to it.</summary>
internal sealed record LoadedLockStore(string Name, ILockStore Store, string Prefix)
{
    public static LoadedLockStore From(ILockStore store, ComponentMetadata metadata, string appId)
    {
        var strategy = metadata.Get("keyPrefix", "appid").ToLowerInvariant();
        return new(metadata.Name, store, strategy switch
        {
            "appid" => $"lock||{appId}||",
            "name" => $"lock||{metadata.Name}||",
            "none" => "lock||",
            _ when strategy.Contains("||", StringComparison.Ordinal) => throw metadata.Invalid("keyPrefix", "appid, name, none, or a text without ||"),
            _ => $"lock||{strategy}||",
        });
    }
}
