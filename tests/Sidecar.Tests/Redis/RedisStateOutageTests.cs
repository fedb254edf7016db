using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Lavka.Sidecar.State;
using Lavka.Sidecar.Testing;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

/// <summary>A Redis with state that goes away and comes back.</summary>
public sealed class RedisStateOutageTests : IAsyncLifetime
{
    private RedisServer _server = null!;

    public async Task InitializeAsync() => _server = RedisServer.WhatIsMissing is null ? await RedisServer.Start() : null!;

    public async Task DisposeAsync() => await (_server?.DisposeAsync() ?? default);

    [RedisFact]
    public async Task While_Redis_is_away_calls_fail_and_once_it_is_back_they_succeed()
    {
        var log = new LogLines();
        await using var test = await TestApp.Start(options: new() { Resources = [_server.Component("statestore", "state.redis", RedisComponents.Impatient)], Logs = log });
        await test.Post("/v1.0/state/statestore", """[{"key":"k","value":1}]""");

        await _server.Stop();
        var get = await test.Get("/v1.0/state/statestore/k");
        var save = await test.Post("/v1.0/state/statestore", """[{"key":"k","value":2}]""");
        await _server.Restart();

        Assert.Equal(HttpStatusCode.InternalServerError, get.Status);
        Assert.Contains($"fail to get k from state store statestore: Redis at {_server.Address}: Connection refused", get.Body, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.InternalServerError, save.Status);
        Assert.Contains("ERR_STATE_SAVE", save.Body, StringComparison.Ordinal);
        await Eventually.Get(async () => (await test.Get("/v1.0/state/statestore/k")).Body == "1" ? "" : null, "the item as it was");
        await Eventually.Holds(() => log.With("is back").Any(), "a line about it");
        Assert.Single(log.With("is lost"));
    }

    [RedisFact]
    public async Task A_call_that_comes_during_a_short_restart_waits_for_it()
    {
        await using var store = await RedisComponents.Store(_server, ("readTimeout", "20s"));
        await store.Apply([new("k", Json("1"))], default);

        await _server.Stop();
        var get = store.Get(["k"], default).AsTask();
        var save = store.Apply([new("j", Json("2"), FirstWrite: true)], default).AsTask();
        await _server.Restart();

        await save;
        Assert.Equal(Json("1"), (await get)[0]!.Value);
    }

    [RedisFact]
    public async Task What_was_acknowledged_is_there_after_crashes_under_load_and_no_half_transaction()
    {
        await using var store = await RedisComponents.Store(_server);
        var acknowledged = new ConcurrentDictionary<string, string>();
        using var enough = new CancellationTokenSource();
        var writers = Enumerable.Range(0, 8).Select(writer => Task.Run(async () =>
        {
            for (var i = 0; !enough.IsCancellationRequested; i++)
            {
                await Write(writer, i);
            }
        })).ToList();

        for (var crash = 0; crash < 3; crash++)
        {
            await SomeMore();
            await _server.Restart();
        }

        await SomeMore();
        await enough.CancelAsync();
        await Task.WhenAll(writers);

        var items = await store.Get([.. acknowledged.Keys], default);
        Assert.All(acknowledged.Keys.Zip(items), pair => Assert.Equal(acknowledged[pair.First], pair.Second is null ? null : Encoding.UTF8.GetString(pair.Second.Value)));
        var all = (await store.Scan("", default)).Select(item => item.Key).ToHashSet();
        Assert.All(all.Where(key => key.StartsWith("one", StringComparison.Ordinal)), key => Assert.Contains(key.Replace("one", "two", StringComparison.Ordinal), all));

        async Task Write(int writer, int i)
        {
            var (one, two, value) = ($"one-{writer}-{i}", $"two-{writer}-{i}", $"{i}");
            try
            {
                await store.Apply([new(one, Json(value)), new(two, Json(value), FirstWrite: true)], default);
                acknowledged[one] = acknowledged[two] = value;
            }
            catch (Exception e) when (e is IOException or ETagMismatchException)
            {
                // Not acknowledged, so not promised.
            }
        }

        async Task SomeMore()
        {
            var before = acknowledged.Count;
            await Eventually.Holds(() => acknowledged.Count > before + 100, "more writes");
        }
    }

    [RedisFact]
    public async Task A_Redis_that_falls_silent_is_not_waited_for_longer_than_the_timeout()
    {
        await using var proxy = TcpProxy.Start(_server.Port);
        await using var store = await RedisComponents.Store(_server, ("redisHost", $"127.0.0.1:{proxy.Port}"), RedisComponents.Impatient);
        await store.Apply([new("k", Json("1"))], default);

        proxy.Pause();
        var error = await Assert.ThrowsAsync<IOException>(async () => await store.Get(["k"], default));
        proxy.Resume();

        Assert.Contains("no answer within 1s", error.Message, StringComparison.Ordinal);
        await Eventually.Get(async () =>
        {
            try
            {
                return (await store.Get(["k"], default))[0]!.Value is [(byte)'1'] ? "" : null;
            }
            catch (IOException)
            {
                return null;
            }
        }, "an answer");
    }

    [RedisFact]
    public async Task A_save_with_an_etag_whose_connection_was_lost_is_not_made_twice_and_says_that_it_may_have_been_made()
    {
        await using var proxy = TcpProxy.Start(_server.Port);
        await using var store = await RedisComponents.Store(_server, ("redisHost", $"127.0.0.1:{proxy.Port}"), ("readTimeout", "20s"));
        await store.Apply([new("k", Json("1"))], default);

        proxy.Pause();
        var save = store.Apply([new("k", Json("2"), "1")], default).AsTask();
        var plain = store.Apply([new("j", Json("2"))], default).AsTask();
        proxy.Cut();
        proxy.Resume();

        var error = await Assert.ThrowsAsync<IOException>(() => save);
        Assert.Contains("it may have made the change before", error.Message, StringComparison.Ordinal);
        await plain;
    }

    [RedisFact]
    public async Task A_Redis_that_is_full_says_so_and_nothing_is_half_saved()
    {
        await using var store = await RedisComponents.Store(_server);
        await store.Apply([new("k", Json("1"))], default);
        await _server.Do("CONFIG", "SET", "maxmemory", "1");

        var error = await Assert.ThrowsAsync<IOException>(async () => await store.Apply([new("j", Json("1")), new("k", Json("2"))], default));
        await _server.Do("CONFIG", "SET", "maxmemory", "0");

        Assert.Contains("OOM command not allowed", error.Message, StringComparison.Ordinal);
        Assert.Equal(["1", null], (await store.Get(["k", "j"], default)).Select(item => item is null ? null : Encoding.UTF8.GetString(item.Value)));
    }

    private static byte[] Json(string text) => Encoding.UTF8.GetBytes(text);
}
