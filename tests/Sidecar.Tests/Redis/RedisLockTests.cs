using System.Net;
using Lavka.Sidecar.Resources;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

public sealed class RedisLockTests
{
    private readonly string _resource = RedisComponents.NewName();

    [RedisFact]
    public async Task One_owner_holds_a_lock_until_it_unlocks()
    {
        await using var test = await Start();

        Assert.Equal("""{"success":true}""", await Lock(test, "ann"));
        Assert.Equal("""{"success":false}""", await Lock(test, "bob"));
        Assert.Equal("""{"success":false}""", await Lock(test, "ann"));
        Assert.Equal("""{"status":2}""", await Unlock(test, "bob"));
        Assert.Equal("""{"status":0}""", await Unlock(test, "ann"));
        Assert.Equal("""{"status":1}""", await Unlock(test, "ann"));
        Assert.Equal("""{"success":true}""", await Lock(test, "bob"));
    }

    [RedisFact]
    public async Task It_is_the_key_that_daprd_would_make_and_ends_with_its_expiry()
    {
        await using var test = await Start();
        await Lock(test, "ann");

        var server = await RedisServer.Shared;
        Assert.Equal("ann", (string?)await server.Do("GET", $"lock||app||{_resource}"));
        Assert.InRange((int)await server.Do("TTL", $"lock||app||{_resource}"), 50, 60);
        await server.Do("PEXPIRE", $"lock||app||{_resource}", "10");

        await Eventually.Get(async () => await Lock(test, "bob") == """{"success":true}""" ? "" : null, "the lock to end");
    }

    [RedisFact]
    public async Task Of_many_who_want_it_at_once_one_gets_it()
    {
        await using var one = await Start();
        await using var other = await Start();

        var answers = await Task.WhenAll(Enumerable.Range(0, 32).Select(i => Lock(i % 2 == 0 ? one : other, $"owner{i}")));

        Assert.Single(answers, answer => answer.Contains("true", StringComparison.Ordinal));
    }

    [RedisFact]
    public async Task A_lock_outlives_a_crash_of_Redis_and_while_it_is_away_the_answer_says_so()
    {
        await using var server = await RedisServer.Start();
        await using var test = await Start(server, RedisComponents.Impatient);
        await Lock(test, "ann");

        await server.Stop();
        var (status, body) = await test.Post("/v1.0-alpha1/lock/locks", $$"""{"resourceId":"{{_resource}}","lockOwner":"bob","expiryInSeconds":60}""");
        await server.Restart();

        Assert.Equal(HttpStatusCode.InternalServerError, status);
        Assert.Contains($"failed to try acquiring lock: Redis at {server.Address}: ", body, StringComparison.Ordinal);
        Assert.Equal("""{"success":false}""", await Lock(test, "bob"));
        Assert.Equal("""{"status":0}""", await Unlock(test, "ann"));
    }

    [RedisFact]
    public async Task A_Redis_with_replicas_and_a_cluster_are_refused()
    {
        await using var server = await RedisServer.Start();
        await using var replica = await RedisServer.Start("--replicaof", "127.0.0.1", $"{server.Port}");
        await Eventually.Get(async () => (await server.Do("INFO", "replication")).ToString().Contains("connected_slaves:1", StringComparison.Ordinal) ? "" : null, "the replica");

        Assert.Contains($"Redis at {server.Address} has replicas", (await Assert.ThrowsAsync<ResourceException>(() => Start(server))).Message, StringComparison.Ordinal);
        Assert.Contains("'redisType' of lock.redis", (await Assert.ThrowsAsync<ResourceException>(() => Start(server, ("redisType", "cluster")))).Message, StringComparison.Ordinal);
    }

    private static async Task<TestApp> Start(RedisServer? server = null, params (string Name, string Value)[] fields) =>
        await TestApp.Start(options: new() { Resources = [(server ?? await RedisServer.Shared).Component("locks", "lock.redis", fields)] });

    private async Task<string> Lock(TestApp test, string owner) =>
        (await test.Post("/v1.0-alpha1/lock/locks", $$"""{"resourceId":"{{_resource}}","lockOwner":"{{owner}}","expiryInSeconds":60}""")).Body;

    private async Task<string> Unlock(TestApp test, string owner) =>
        (await test.Post("/v1.0-alpha1/unlock/locks", $$"""{"resourceId":"{{_resource}}","lockOwner":"{{owner}}"}""")).Body;
}
