using System.Net;
using System.Text;
using Lavka.Sidecar.Resources;
using Lavka.Sidecar.State;
using Lavka.Testing;
using StackExchange.Redis;

namespace Lavka.Sidecar.Tests;

/// <summary>What <c>state.redis</c> keeps in Redis, and how; what every store promises is in <see cref="StateStoreTests"/>.</summary>
public sealed class RedisStateStoreTests : IAsyncLifetime
{
    private RedisServer _server = null!;
    private int _database;

    public async Task InitializeAsync()
    {
        if (RedisServer.WhatIsMissing is null)
        {
            _server = await RedisServer.Shared;
            _database = _server.NewDatabase();
        }
    }

    public Task DisposeAsync() => Task.CompletedTask;

    [RedisFact]
    public async Task An_item_is_kept_as_daprd_keeps_it()
    {
        await using var store = await Store();

        await store.Apply([new("app||a", Json("\"ключ <☃>\""))], default);
        await store.Apply([new("app||a", Json("{ \"x\" : 1 }"))], default);
        await store.Apply([new("app||b", Json("1"), FirstWrite: true)], default);

        Assert.Equal(["data={ \"x\" : 1 }", "version=2"], await Hash("app||a"));
        Assert.Equal(["data=1", "first-write=0", "version=1"], await Hash("app||b"));
        Assert.Equal("2", (await store.Get(["app||a"], default))[0]!.ETag);
    }

    [RedisFact]
    public async Task What_daprd_has_saved_is_read_and_changed()
    {
        await Do("HSET", "app||a", "data", "{\"x\":1}", "version", "7", "first-write", "0");
        await Do("SET", "app||old", "\"as Dapr 0.1 kept it\"");
        await using var store = await Store();

        var items = await store.Get(["app||a", "app||old", "app||none"], default);
        await store.Apply([new("app||a", Json("2"), "7"), new("app||old", Json("3"))], default);

        Assert.Equal([("{\"x\":1}", "7"), ("\"as Dapr 0.1 kept it\"", "")], items.Take(2).Select(item => (Text(item), item!.ETag)));
        Assert.Null(items[2]);
        Assert.Equal(["data=2", "first-write=0", "version=8"], await Hash("app||a"));
        Assert.Equal(["data=3", "version=1"], await Hash("app||old"));
    }

    [RedisFact]
    public async Task What_is_no_item_is_an_error_and_not_nothing()
    {
        await Do("HSET", "hash", "colour", "red", "data", "1");
        await Do("LPUSH", "list", "1");
        await using var store = await Store();

        Assert.Contains("'data' or 'version'", (await Assert.ThrowsAsync<InvalidDataException>(async () => await store.Get(["hash"], default))).Message, StringComparison.Ordinal);
        Assert.Contains("WRONGTYPE", (await Assert.ThrowsAsync<IOException>(async () => await store.Get(["list"], default))).Message, StringComparison.Ordinal);
    }

    [RedisFact]
    public async Task A_transaction_that_fails_changes_nothing_of_what_Redis_could_not_take_back()
    {
        await using var store = await Store();
        await store.Apply([new("a", Json("1")), new("b", Json("1"))], default);
        await Do("HSET", "c", "data", "1", "version", "many");

        await Assert.ThrowsAsync<ETagMismatchException>(async () => await store.Apply([new("a", null), new("new", Json("1")), new("b", Json("2"), "9")], default));
        await Assert.ThrowsAsync<ETagMismatchException>(async () => await store.Apply([new("a", Json("2"), "1"), new("gone", null, "1")], default));
        await Assert.ThrowsAsync<ETagMismatchException>(async () => await store.Apply([new("a", Json("2")), new("b", Json("2"), FirstWrite: true)], default));
        var error = await Assert.ThrowsAsync<IOException>(async () => await store.Apply([new("a", Json("2")), new("c", Json("2"))], default));

        Assert.Contains("the version of c is no number", error.Message, StringComparison.Ordinal);
        Assert.Equal(["1", "1", null], (await store.Get(["a", "b", "new"], default)).Select(Text));
    }

    [RedisFact]
    public async Task A_transaction_is_made_in_its_order()
    {
        await using var store = await Store();

        await store.Apply([new("k", Json("1")), new("j", Json("0")), new("k", Json("2"), "1"), new("k", null, "2"), new("k", Json("3"), FirstWrite: true), new("j", null)], default);

        Assert.Equal(["3", null], (await store.Get(["k", "j"], default)).Select(Text));
        Assert.Equal(["data=3", "first-write=0", "version=1"], await Hash("k"));
    }

    [RedisFact]
    public async Task Transactions_with_the_same_keys_at_once_do_not_mix()
    {
        await using var first = await Store();
        await using var second = await Store();
        string[] keys = ["a", "b", "c", "d"];

        await Task.WhenAll(Enumerable.Range(0, 100).Select(i => Task.Run(async () =>
            await (i % 2 == 0 ? first : second).Apply([.. keys.Select(key => new StateOperation(key, Json($"{i}")))], default))));

        Assert.Single((await first.Get(keys, default)).Select(Text).Distinct());
    }

    [RedisFact]
    public async Task A_ttl_goes_on_until_another_is_said_or_none()
    {
        await using var store = await Store();

        await store.Apply([new("k", Json("1"), Ttl: TimeSpan.FromSeconds(100))], default);
        Assert.InRange((int)await Do("TTL", "k"), 95, 100);
        await store.Apply([new("k", Json("2"))], default);
        Assert.InRange((int)await Do("TTL", "k"), 95, 100);
        await store.Apply([new("k", Json("3"), Ttl: TimeSpan.FromSeconds(1000))], default);
        Assert.InRange((int)await Do("TTL", "k"), 900, 1000);
        await store.Apply([new("k", Json("4"), Persist: true)], default);
        Assert.Equal(-1, (int)await Do("TTL", "k"));
    }

    [RedisFact]
    public async Task What_has_expired_is_gone_and_may_be_written_first_again()
    {
        await using var store = await Store();
        await store.Apply([new("k", Json("1"), FirstWrite: true, Ttl: TimeSpan.FromSeconds(1))], default);

        await Eventually.Get(async () => (await store.Get(["k"], default))[0] is null ? "" : null, "the item to expire");

        await store.Apply([new("k", Json("2"), FirstWrite: true)], default);
        Assert.Equal(-1, (int)await Do("TTL", "k"));
    }

    [RedisFact]
    public async Task A_components_ttl_counts_for_what_says_none()
    {
        await using var store = await Store(("ttlInSeconds", "600"));

        await store.Apply([new("a", Json("1")), new("b", Json("1"), Ttl: TimeSpan.FromSeconds(60)), new("c", Json("1"), Persist: true)], default);

        Assert.InRange((int)await Do("TTL", "a"), 500, 600);
        Assert.InRange((int)await Do("TTL", "b"), 50, 60);
        Assert.Equal(-1, (int)await Do("TTL", "c"));
    }

    [RedisFact]
    public async Task A_scan_takes_the_prefix_as_it_is()
    {
        await using var store = await Store();
        await store.Apply([.. new[] { @"a*?[b]\1", @"a*?[b]\2", "axyb1", @"A*?[b]\3" }.Select(key => new StateOperation(key, Json("1")))], default);
        await store.Apply([.. Enumerable.Range(0, 3000).Select(i => new StateOperation($"many||{i}", Json($"{i}")))], default);

        Assert.Equal([@"a*?[b]\1", @"a*?[b]\2"], (await store.Scan(@"a*?[b]\", default)).Select(item => item.Key).Order());
        Assert.Equal(3000, (await store.Scan("many||", default)).Count);
    }

    [RedisFact]
    public async Task The_API_answers_conflicts_and_ttls_as_of_any_store()
    {
        await using var test = await TestApp.Start(options: new() { Resources = [Component()] });

        Assert.Equal(HttpStatusCode.NoContent, (await test.Post("/v1.0/state/statestore", """[{"key":"k","value":{"n":1},"metadata":{"ttlInSeconds":"60"}}]""")).Status);
        using var response = await test.Dapr.Http.GetAsync(new Uri("/v1.0/state/statestore/k", UriKind.Relative));
        Assert.Equal(("""{"n":1}""", "1"), (await response.Content.ReadAsStringAsync(), response.Headers.NonValidated["ETag"].ToString()));
        var again = await test.Post("/v1.0/state/statestore", """[{"key":"k","value":2,"options":{"concurrency":"first-write"}}]""");
        Assert.Equal(HttpStatusCode.Conflict, again.Status);
        Assert.Contains("possible etag mismatch", again.Body, StringComparison.Ordinal);
        Assert.InRange((int)await Do("TTL", "app||k"), 50, 60);
        await test.Post("/v1.0/state/statestore", """[{"key":"k","value":2,"metadata":{"ttlInSeconds":"-1"}}]""");
        Assert.Equal(-1, (int)await Do("TTL", "app||k"));
        var transaction = """{"operations":[{"operation":"upsert","request":{"key":"a","value":1}},{"operation":"delete","request":{"key":"k","etag":"9"}}]}""";
        Assert.Equal(HttpStatusCode.InternalServerError, (await test.Post("/v1.0/state/statestore/transaction", transaction)).Status);
        Assert.Equal("", (await test.Get("/v1.0/state/statestore/a")).Body);
    }

    [RedisFact]
    public async Task Actors_keep_their_state_and_reminders_in_it()
    {
        await using var test = await TestApp.Start(answer: request => request.Path == "/dapr/config" ? Answer.Json("""{"entities":["Cart"]}""") : null, options: new() { Resources = [Component(("actorStateStore", "true"))] });

        await test.Call(HttpMethod.Put, "/v1.0/actors/Cart/1/method/m");
        await test.Post("/v1.0/actors/Cart/1/state", """[{"operation":"upsert","request":{"key":"lines","value":[1,2]}}]""");
        await test.Post("/v1.0/actors/Cart/1/reminders/r", """{"dueTime":"1h","data":"x"}""");

        Assert.Equal("[1,2]", (await test.Get("/v1.0/actors/Cart/1/state/lines")).Body);
        Assert.Equal(["data=[1,2]", "version=1"], await Hash("app||Cart||1||lines"));
        test.Dapr.Clock.Advance(TimeSpan.FromHours(1));
        await test.Received("/actors/Cart/1/method/remind/r");
    }

    [RedisFact]
    public async Task JSON_documents_are_refused_at_the_start() => Assert.Contains("'queryIndexes'",
        (await Assert.ThrowsAsync<ResourceException>(() => Store(("queryIndexes", "[]")))).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("ttlInSeconds", "long")]
    public void A_field_that_cannot_be_used_is_refused_by_its_name(string field, string value) => Assert.Contains(field, Assert.Throws<ResourceException>(() =>
        new RedisStateStore(RedisComponents.Metadata("state.redis", ("redisHost", "h"), (field, value)), Microsoft.Extensions.Logging.Abstractions.NullLogger<RedisStateStore>.Instance)).Message, StringComparison.Ordinal);

    private static byte[] Json(string text) => Encoding.UTF8.GetBytes(text);

    private static string? Text(StateItem? item) => item is null ? null : Encoding.UTF8.GetString(item.Value);

    private string Component(params (string Name, string Value)[] fields) => _server.Component("statestore", "state.redis", [("redisDB", $"{_database}"), .. fields]);

    private Task<RedisStateStore> Store(params (string Name, string Value)[] fields) => RedisComponents.Store(_server, [("redisDB", $"{_database}"), .. fields]);

    private Task<RedisResult> Do(string command, params object[] arguments) => _server.Do(_database, command, arguments);

    private async Task<IEnumerable<string>> Hash(string key) => ((string[])(await Do("HGETALL", key))!).Chunk(2).Select(pair => $"{pair[0]}={pair[1]}").Order();
}
