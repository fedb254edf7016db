using System.Net;
using System.Text.Json;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

public sealed class RedisConfigurationTests : IAsyncLifetime
{
    // Some tests want all that is in it.
    private RedisServer? _server;

    private RedisServer Server => _server!;

    public async Task InitializeAsync() => _server = RedisServer.WhatIsMissing is null ? await RedisServer.Start() : null;

    public async Task DisposeAsync() => await (_server?.DisposeAsync() ?? default);

    [RedisFact]
    public async Task It_answers_the_items_asked_for_or_all_that_are_strings()
    {
        await using var test = await Start();
        await Server.Do("MSET", "a", "one||v1||more", "b", "two", "empty", "");
        await Server.Do("HSET", "hash", "data", "1");

        Assert.Equal("""{"a":{"value":"one","version":"v1"}}""", (await test.Get("/v1.0/configuration/config?key=a&key=missing&key=hash&key=empty")).Body);
        Assert.Equal(["a", "b"], JsonDocument.Parse((await test.Get("/v1.0/configuration/config")).Body).RootElement.EnumerateObject().Select(item => item.Name).Order());
        Assert.Equal(HttpStatusCode.NoContent, (await test.Get("/v1.0/configuration/config?key=missing")).Status);
    }

    [RedisFact]
    public async Task Of_very_many_items_none_is_left_out()
    {
        await using var test = await Start();
        await Server.Do("MSET", [.. Enumerable.Range(0, 5000).SelectMany(i => new[] { $"k{i}", $"{i}" })]);

        Assert.Equal(5000, JsonDocument.Parse((await test.Get("/v1.0/configuration/config")).Body).RootElement.EnumerateObject().Count());
    }

    [RedisFact]
    public async Task A_subscriber_is_told_of_changes_and_deletions_until_it_unsubscribes()
    {
        await using var test = await Start();
        await Server.Do("SET", "a", "one");
        var id = await Subscribe(test, "?key=a");

        await Server.Do("SET", "a", "two||2");
        await Server.Do("SET", "b", "other");
        await test.Received("/configuration/config/a");
        await Server.Do("DEL", "a");
        var told = await test.Received("/configuration/config/a", 2);

        Assert.Equal([Told(id, "a", """{"value":"two","version":"2"}"""), Told(id, "a", "{}")], told.Select(request => request.Text));
        Assert.Equal("""{"ok":true}""", (await test.Get($"/v1.0/configuration/config/{id}/unsubscribe")).Body);
        Assert.DoesNotContain(test.App.Log, request => request.Path == "/configuration/config/b");
        Assert.Equal(0, (int)(await Server.Do("PUBSUB", "NUMPAT")));
    }

    [RedisFact]
    public async Task Who_unsubscribes_is_told_nothing_more()
    {
        await using var test = await Start();
        var first = await Subscribe(test, "?key=a");
        await Subscribe(test, "?key=b");

        await test.Get($"/v1.0/configuration/config/{first}/unsubscribe");
        await Server.Do("SET", "a", "1");
        await Server.Do("SET", "b", "1");

        await test.Received("/configuration/config/b");
        Assert.DoesNotContain(test.App.Log, request => request.Path == "/configuration/config/a");
    }

    [RedisFact]
    public async Task Without_keys_a_subscriber_is_told_of_all()
    {
        await using var test = await Start();
        var id = await Subscribe(test);

        await Server.Do("SET", "any", "1||a");

        Assert.Equal(Told(id, "any", """{"value":"1","version":"a"}"""), (await test.Received("/configuration/config/any"))[0].Text);
    }

    [RedisFact]
    public async Task Another_database_has_its_own_items()
    {
        await using var test = await Start(("redisDB", "3"));
        var id = await Subscribe(test, "?key=a");

        await Server.Do("SET", "a", "elsewhere");
        await Server.Do("EVAL", "redis.call('SELECT', 3); return redis.call('SET', 'a', 'here')", "0");

        Assert.Equal(Told(id, "a", """{"value":"here"}"""), (await test.Received("/configuration/config/a"))[0].Text);
        Assert.Equal("""{"a":{"value":"here"}}""", (await test.Get("/v1.0/configuration/config")).Body);
    }

    [RedisFact]
    public async Task Notifications_that_others_want_stay_on()
    {
        await using var test = await Start();
        await Server.Do("CONFIG", "SET", "notify-keyspace-events", "Elx");

        await Subscribe(test, "?key=a");

        var flags = ((string?[]?)await Server.Do("CONFIG", "GET", "notify-keyspace-events"))![1]!;
        Assert.Equal("$EKegl" + "x", string.Concat(flags.Order()));
    }

    [RedisFact]
    public async Task What_changes_before_a_restart_of_Redis_is_noticed_is_told_and_so_is_what_changes_afterwards()
    {
        await using var test = await Start();
        await Server.Do("MSET", "a", "1", "b", "1", "gone", "1");
        var id = await Subscribe(test, "?key=a&key=b&key=gone");

        await Server.Stop();
        await Server.Restart();
        await Server.Do("SET", "a", "2");
        await Server.Do("DEL", "gone");
        Assert.Equal(Told(id, "a", """{"value":"2"}"""), (await test.Received("/configuration/config/a"))[0].Text);
        Assert.Equal(Told(id, "gone", "{}"), (await test.Received("/configuration/config/gone"))[0].Text);

        await Eventually.Get(async () => (int)((RedisResultArray(await Server.Do("PUBSUB", "NUMSUB", "__keyspace@0__:b")))[1]) > 0 ? "" : null, "the subscription");
        await Server.Do("SET", "b", "3");
        Assert.Equal(Told(id, "b", """{"value":"3"}"""), (await test.Received("/configuration/config/b"))[0].Text);
    }

    [RedisFact]
    public async Task While_Redis_is_away_the_answers_say_so()
    {
        await using var test = await Start(RedisComponents.Impatient);
        await Server.Stop();

        var get = await test.Get("/v1.0/configuration/config?key=a");
        var subscribe = await test.Get("/v1.0/configuration/config/subscribe?key=a");

        Assert.Equal((HttpStatusCode.InternalServerError, HttpStatusCode.InternalServerError), (get.Status, subscribe.Status));
        Assert.Contains("ERR_CONFIGURATION_GET", get.Body, StringComparison.Ordinal);
        Assert.Contains($"Redis at {Server.Address}: Connection refused", get.Body, StringComparison.Ordinal);
        Assert.Contains("ERR_CONFIGURATION_SUBSCRIBE", subscribe.Body, StringComparison.Ordinal);
    }

    private static StackExchange.Redis.RedisResult[] RedisResultArray(StackExchange.Redis.RedisResult result) => (StackExchange.Redis.RedisResult[])result!;

    private Task<TestApp> Start(params (string Name, string Value)[] fields) => TestApp.Start(options: new() { Resources = [Server.Component("config", "configuration.redis", fields)] });

    private static async Task<string> Subscribe(TestApp test, string keys = "") =>
        JsonDocument.Parse((await test.Get($"/v1.0/configuration/config/subscribe{keys}")).Body).RootElement.GetProperty("id").GetString()!;

    private static string Told(string id, string key, string item) => $$$"""{"id":"{{{id}}}","items":{"{{{key}}}":{{{item}}}}}""";
}
