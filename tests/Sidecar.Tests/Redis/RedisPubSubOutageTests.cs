using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Lavka.Sidecar.Testing;
using Lavka.Testing;
using StackExchange.Redis;

namespace Lavka.Sidecar.Tests;

/// <summary>Redis killed, and cut off: what was answered with success arrives, what cannot be answered fails, and all comes back by itself.</summary>
public sealed class RedisPubSubOutageTests : IAsyncLifetime
{
    private readonly string _topic = RedisComponents.NewName();
    private readonly LogLines _log = new();
    private RedisServer _server = null!;

    private static TimeSpan Patience => TimeSpan.FromMinutes(1);

    public async Task InitializeAsync() => _server = RedisServer.WhatIsMissing is null ? await RedisServer.Start() : null!;

    public async Task DisposeAsync() => await (_server?.DisposeAsync() ?? default);

    [RedisFact]
    public async Task Nothing_that_was_confirmed_is_lost_when_Redis_is_killed_five_times_under_load()
    {
        var taken = new ConcurrentDictionary<int, bool>();
        await using var test = await Start(_server.Port, request =>
        {
            taken[Data(request)] = true;
            return new(200);
        });
        var confirmed = new ConcurrentBag<int>();
        var number = 0;
        using var stop = new CancellationTokenSource();
        var load = Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                var i = Interlocked.Increment(ref number);
                if (await Publish(test, i) is (HttpStatusCode.NoContent, _))
                {
                    confirmed.Add(i);
                }
            }
        })));

        for (var crash = 0; crash < 5; crash++)
        {
            await Some();
            await _server.Restart();
        }

        await Some();
        await stop.CancelAsync();
        await load;

        await Eventually.Holds(() => confirmed.All(taken.ContainsKey), "every confirmed event", Patience);
        await Eventually.Get(async () => (long)((RedisResult[])(await _server.Do("XPENDING", _topic, "outage"))!)[0] == 0 ? "" : null, "every acknowledgement", Patience);
        Assert.Equal(_log.With("is back").Count(), _log.With("is lost").Count());

        Task Some()
        {
            var before = confirmed.Count;
            return Eventually.Holds(() => confirmed.Count > before + 200, "some load", Patience);
        }
    }

    [RedisFact]
    public async Task While_Redis_is_down_a_publish_fails_and_says_why_and_what_the_app_has_meanwhile_taken_is_acknowledged_afterwards()
    {
        var held = new TaskCompletionSource();
        await using var test = await Start(_server.Port, _ => new(200, After: held.Task));
        await Publish(test, 1);
        await test.Received("/on");

        await _server.Stop();
        var refused = await Publish(test, 2);
        held.SetResult();
        await _server.Restart();

        Assert.Equal(HttpStatusCode.InternalServerError, refused.Status);
        Assert.Contains("ERR_PUBSUB_PUBLISH_MESSAGE", refused.Body, StringComparison.Ordinal);
        Assert.Contains($"Redis at {_server.Address}: Connection refused", refused.Body, StringComparison.Ordinal);
        await Eventually.Get(async () => (await Publish(test, 3)).Status == HttpStatusCode.NoContent ? "" : null, "publishing again", Patience);
        await Eventually.Holds(() => test.App.Log.Any(request => request.Path == "/on" && Data(request) == 3), "an event published afterwards", Patience);
        await Eventually.Get(async () => (long)((RedisResult[])(await _server.Do("XPENDING", _topic, "outage"))!)[0] == 0 ? "" : null, "the acknowledgements", Patience);
        Assert.Single(test.App.Log, request => request.Path == "/on" && Data(request) == 1);
    }

    [RedisFact]
    public async Task A_Redis_that_has_lost_all_it_had_is_begun_with_anew()
    {
        await using var test = await Start(_server.Port);
        await Publish(test, 1);
        await test.Received("/on");

        await _server.Do("FLUSHALL");
        await Publish(test, 2);

        await Eventually.Holds(() => test.App.Log.Any(request => request.Path == "/on" && Data(request) == 2), "an event in the new stream");
    }

    [RedisFact]
    public async Task A_partition_fails_what_is_published_and_ends_without_anybodys_help()
    {
        await using var proxy = TcpProxy.Start(_server.Port);
        await using var test = await Start(proxy.Port);
        await Publish(test, 1);
        await test.Received("/on");

        proxy.Pause();
        var refused = await Publish(test, 2);
        proxy.Resume();

        Assert.Equal(HttpStatusCode.InternalServerError, refused.Status);
        Assert.Contains("no answer within 1s", refused.Body, StringComparison.Ordinal);
        await Eventually.Get(async () => (await Publish(test, 3)).Status == HttpStatusCode.NoContent ? "" : null, "publishing again", Patience);
        await Eventually.Holds(() => test.App.Log.Any(request => request.Path == "/on" && Data(request) == 3), "an event published afterwards", Patience);
    }

    [RedisFact]
    public async Task A_sidecar_stops_during_a_partition_and_while_Redis_is_away()
    {
        await using var proxy = TcpProxy.Start(_server.Port);
        var cut = await Start(proxy.Port, _ => new(200, After: Task.Delay(Timeout.Infinite)));
        var alone = await Start(_server.Port);
        await Publish(cut, 1);
        await cut.Received("/on");

        proxy.Pause();
        await _server.Stop();

        await cut.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30));
        await alone.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30));
    }

    private Task<TestApp> Start(int port, Func<Received, Answer>? answer = null) => TestApp.Start(
        $$"""[{"pubsubname":"pubsub","topic":"{{_topic}}","route":"/on"}]""", request => request.Path == "/on" ? answer?.Invoke(request) : null, new()
        {
            AppId = "outage",
            Logs = _log,
            Resources = [Component(port)],
        });

    private static string Component(int port) => TestApp.Component("pubsub", "pubsub.redis",
        ("redisHost", $"127.0.0.1:{port}"), RedisComponents.Impatient, ("processingTimeout", "3s"), ("redeliverInterval", "500ms"));

    private Task<(HttpStatusCode Status, string Body)> Publish(TestApp test, int data) => test.Post($"/v1.0/publish/pubsub/{_topic}", $"{data}");

    private static int Data(Received request) => JsonDocument.Parse(request.Body).RootElement.GetProperty("data").GetInt32();
}
