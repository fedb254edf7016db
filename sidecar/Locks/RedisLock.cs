using System.Globalization;
using System.Text.RegularExpressions;
using Lavka.Sidecar.Redis;
using Lavka.Sidecar.Resources;
using StackExchange.Redis;

namespace Lavka.Sidecar.Locks;

/// <summary>
/// <c>lock.redis</c>: a lock is a key with its owner as value, which expires (Dapr: reference/components-reference/supported-locks/redis-lock). Redis' own clock counts. Sidecars, and
/// daprds, of several machines share the locks of one Redis; not of one with replicas, nor of a cluster, where a lock can get lost.
/// </summary>
internal sealed partial class RedisLock : ILockStore
{
    // The owner is looked at and the key deleted in one step, or somebody else's lock could be deleted that was taken in between.
    private const string UnlockScript = """
        local owner = redis.call('GET', KEYS[1])
        if not owner then return -1 end
        if owner ~= ARGV[1] then return -2 end
        return redis.call('DEL', KEYS[1])
        """;

    private readonly RedisOptions _options;
    private readonly RedisConnection _connection;

    public RedisLock(ComponentMetadata metadata, ILogger<RedisLock> log)
    {
        _options = RedisOptions.From(metadata, leastPause: TimeSpan.FromSeconds(2));
        if (_options.IsCluster)
        {
            throw metadata.Invalid("redisType", "node: a lock in a cluster can get lost");
        }

        _connection = new(_options, log);
    }

    public IReadOnlyList<string> Capabilities { get; } = [];

    public async Task Start(CancellationToken stop)
    {
        await _connection.Start(stop);
        var replication = await _connection.Ask(async database => (await database.ExecuteAsync("INFO", "replication")).ToString(), stop);
        if (_options.SentinelMaster is null && Replicas().Match(replication) is { Success: true } match && int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture) > 0)
        {
            throw new IOException($"{_options.Where} has replicas; a lock can get lost when one of them takes its place, so lock.redis does not take it without sentinels (failover)");
        }
    }

    // Not again after a loss: where the first try has made the lock, the second would say that somebody holds it.
    public Task<bool> TryLock(string resource, string owner, TimeSpan expiry) =>
        _connection.Change(database => database.StringSetAsync(resource, owner, expiry, when: When.NotExists), default);

    public Task<UnlockStatus> Unlock(string resource, string owner) => _connection.Change(async database => (int)await database.ScriptEvaluateAsync(UnlockScript, [resource], [owner]) switch
    {
        -1 => UnlockStatus.DoesNotExist,
        -2 => UnlockStatus.BelongsToOthers,
        _ => UnlockStatus.Success,
    }, default);

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    [GeneratedRegex(@"connected_slaves:(\d+)")]
    private static partial Regex Replicas();
}
