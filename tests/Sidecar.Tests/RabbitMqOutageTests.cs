using System.Collections.Concurrent;
using System.Net;
using System.Text.Json;
using Lavka.Sidecar.Testing;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

/// <summary>RabbitMQ killed, and cut off: what was answered with success arrives, what cannot be answered fails, and all comes back by itself.</summary>
public sealed class RabbitMqOutageTests(RabbitMqOutageTests.Server own) : IClassFixture<RabbitMqOutageTests.Server>
{
    private const int Crashes = 5;

    // Its envelope alone is more; a heartbeat is less.
    private const int LeastEvent = 100;

    private readonly string _topic = RabbitMq.NewTopic();
    private readonly LogLines _log = new();

    /// <summary>One that these tests may kill.</summary>
    public sealed class Server : IAsyncLifetime
    {
        internal RabbitMqServer RabbitMq { get; private set; } = null!;

        public async Task InitializeAsync()
        {
            // Without it the tests are skipped.
            if (RabbitMqServer.WhatIsMissing is null)
            {
                RabbitMq = await RabbitMqServer.Start();
            }
        }

        public async Task DisposeAsync() => await (RabbitMq?.DisposeAsync() ?? default);
    }

    [RabbitMqFact]
    public async Task Nothing_that_was_confirmed_is_lost_when_RabbitMq_is_killed_five_times_under_load_and_no_consumer_is_left_behind()
    {
        // Subscriptions beside each other: those of daprd disturb one another when they begin again.
        string[] topics = [.. Enumerable.Range(0, 5).Select(_ => RabbitMq.NewTopic())];
        var taken = new ConcurrentDictionary<int, bool>();
        await using var test = await Start(own.RabbitMq.Port, request =>
        {
            taken[Data(request)] = true;
            return new(200);
        }, topics: topics);
        var confirmed = new ConcurrentBag<int>();
        var number = 0;
        using var stop = new CancellationTokenSource();
        var load = Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!stop.IsCancellationRequested)
            {
                var i = Interlocked.Increment(ref number);
                if (await Publish(test, i, topics[i % topics.Length]) is (HttpStatusCode.NoContent, _))
                {
                    confirmed.Add(i);
                }
            }
        })));

        for (var crash = 0; crash < Crashes; crash++)
        {
            await Some();
            await own.RabbitMq.Restart();
        }

        await Some();
        await stop.CancelAsync();
        await load;

        // What stands where says more than that it took too long.
        await Task.WhenAny(Eventually.Holds(() => confirmed.All(taken.ContainsKey), "every confirmed event", Patience));
        await own.RabbitMq.Do(async channel =>
        {
            foreach (var topic in topics)
            {
                var queue = await channel.QueueDeclarePassiveAsync($"outage-{topic}");
                int[] missing = [.. confirmed.Where(i => topics[i % topics.Length] == topic && !taken.ContainsKey(i)).Order()];
                Assert.True(
                    missing.Length == 0 && queue.ConsumerCount == 1,
                    $"{topic} has {queue.ConsumerCount} consumers and {queue.MessageCount} messages, and missing are {string.Join(' ', missing)}:\n{string.Join('\n', _log.With(""))}");
            }
        });
        Assert.Equal(Crashes, _log.With("is lost").Count());
        Assert.Equal(Crashes, _log.With("is back").Count());

        Task Some()
        {
            var before = confirmed.Count;
            return Eventually.Holds(() => confirmed.Count > before + 200, "some load", Patience);
        }
    }

    [RabbitMqTheory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_publish_that_was_sent_and_never_confirmed_is_not_answered_with_success(bool comesBack)
    {
        await using var proxy = TcpProxy.Start(own.RabbitMq.Port);
        await using var test = await Start(proxy.Port);
        await Publish(test, 1);
        await test.Received("/on");

        // It has left the sidecar, and the connection breaks before RabbitMQ has it.
        proxy.Pause();
        var publishing = Publish(test, 2);
        await Eventually.Holds(() => proxy.Held > LeastEvent, "the message to be on its way");
        proxy.Cut();
        if (comesBack)
        {
            proxy.Resume();
        }

        var (status, body) = await publishing;

        // A connection that is back soon is given it anew.
        if (comesBack && status == HttpStatusCode.NoContent)
        {
            await Eventually.Holds(() => test.App.Log.Any(request => request.Path == "/on" && Data(request) == 2), "the event that was answered with success", Patience);
            return;
        }

        Assert.Equal(HttpStatusCode.InternalServerError, status);
        Assert.Contains("ERR_PUBSUB_PUBLISH_MESSAGE", body, StringComparison.Ordinal);
    }

    [RabbitMqFact]
    public async Task While_RabbitMq_is_down_a_publish_fails_and_says_why_and_what_was_not_acknowledged_comes_again()
    {
        var held = new TaskCompletionSource();
        await using var test = await Start(own.RabbitMq.Port, _ => new(200, After: held.Task));
        await Publish(test, 1);
        await test.Received("/on");

        await own.RabbitMq.Stop();
        await Eventually.Holds(() => _log.With("is lost").Any(), "the loss to be noticed");
        var refused = await Publish(test, 2);
        held.SetResult();
        await own.RabbitMq.Restart();

        Assert.Equal(HttpStatusCode.InternalServerError, refused.Status);
        Assert.Contains("ERR_PUBSUB_PUBLISH_MESSAGE", refused.Body, StringComparison.Ordinal);
        Assert.Contains($"RabbitMQ at 127.0.0.1:{own.RabbitMq.Port}", refused.Body, StringComparison.Ordinal);
        await Eventually.Holds(() => test.App.Log.Count(request => request.Path == "/on" && Data(request) == 1) > 1, "the event that was held", Patience);
        await Eventually.Get(async () => (await Publish(test, 3)).Status == HttpStatusCode.NoContent ? "" : null, "publishing again", Patience);
        await Eventually.Holds(() => test.App.Log.Any(request => request.Path == "/on" && Data(request) == 3), "an event published afterwards");
    }

    [RabbitMqFact]
    public async Task A_partition_fails_what_is_published_and_ends_without_anybodys_help()
    {
        await using var proxy = TcpProxy.Start(own.RabbitMq.Port);
        await using var test = await Start(proxy.Port, heartBeat: "2s");
        await Publish(test, 1);
        await test.Received("/on");

        proxy.Pause();
        var refused = await Publish(test, 2);
        await Eventually.Holds(() => _log.With("is lost").Any(), "heartbeats to be missed", Patience);
        proxy.Resume();

        Assert.Equal(HttpStatusCode.InternalServerError, refused.Status);
        Assert.Contains("has not confirmed it", refused.Body, StringComparison.Ordinal);
        await Eventually.Get(async () => (await Publish(test, 3)).Status == HttpStatusCode.NoContent ? "" : null, "publishing again", Patience);
        await Eventually.Holds(() => test.App.Log.Any(request => request.Path == "/on" && Data(request) == 3), "an event published afterwards", Patience);
    }

    [RabbitMqFact]
    public async Task A_short_partition_holds_things_up_and_breaks_nothing()
    {
        await using var proxy = TcpProxy.Start(own.RabbitMq.Port);
        await using var test = await Start(proxy.Port);

        proxy.Pause();
        var refused = await Publish(test, 1);
        proxy.Resume();

        Assert.Equal(HttpStatusCode.InternalServerError, refused.Status);
        Assert.Equal(HttpStatusCode.NoContent, (await Publish(test, 2)).Status);
        await Eventually.Holds(() => test.App.Log.Any(request => request.Path == "/on" && Data(request) == 2), "an event published afterwards", Patience);
    }

    [RabbitMqFact]
    public async Task A_sidecar_stops_during_a_partition()
    {
        await using var proxy = TcpProxy.Start(own.RabbitMq.Port);
        var test = await Start(proxy.Port, _ => new(200, After: Task.Delay(Timeout.Infinite)));
        await Publish(test, 1);
        await test.Received("/on");

        proxy.Pause();

        await test.DisposeAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30));
    }

    [RabbitMqFact]
    public async Task An_acknowledgement_of_before_a_cut_is_not_sent_on_the_next_connection()
    {
        var held = new TaskCompletionSource();
        await using var proxy = TcpProxy.Start(own.RabbitMq.Port);
        await using var test = await Start(proxy.Port, request => new(200, After: Data(request) == 1 ? held.Task : null));
        await Publish(test, 1);
        await test.Received("/on");

        proxy.Cut();
        await Eventually.Holds(() => test.App.Log.Count(request => request.Path == "/on" && Data(request) == 1) == 2, "the event to come again", Patience);
        held.SetResult();
        for (var i = 2; i < 10; i++)
        {
            await Publish(test, i);
            await Eventually.Holds(() => test.App.Log.Any(request => request.Path == "/on" && Data(request) == i), "an event published afterwards");
        }

        Assert.Empty(_log.With("does not run"));
        Assert.Equal([1, 1, 2, 3, 4, 5, 6, 7, 8, 9], test.App.Log.Where(request => request.Path == "/on").Select(Data));
    }

    [RabbitMqFact]
    public async Task A_sidecar_waits_for_a_RabbitMq_that_is_not_there_yet()
    {
        await own.RabbitMq.Stop();

        var starting = Start(own.RabbitMq.Port, initTimeout: "2m");
        await own.RabbitMq.Restart();

        await using var test = await starting;
        Assert.Equal(HttpStatusCode.NoContent, (await Publish(test, 1)).Status);
    }

    // RabbitMQ takes its time to start again, a dead connection to be noticed.
    private static TimeSpan Patience => TimeSpan.FromMinutes(1);

    private Task<TestApp> Start(int port, Func<Received, Answer>? answer = null, string initTimeout = "5s", string heartBeat = "10s", string[]? topics = null) =>
        TestApp.Start($"[{string.Join(',', (topics ?? [_topic]).Select(topic => $$"""{"pubsubname":"pubsub","topic":"{{topic}}","route":"/on"}"""))}]", request => request.Path == "/on" ? answer?.Invoke(request) : null, new()
        {
            AppId = "outage",
            Logs = _log,
            Resources = [RabbitMq.Component($"amqp://guest:guest@127.0.0.1:{port}", ("heartBeat", heartBeat)).WithInitTimeout(initTimeout)],
        });

    private Task<(HttpStatusCode Status, string Body)> Publish(TestApp test, int data, string? topic = null) => test.Post($"/v1.0/publish/pubsub/{topic ?? _topic}", $"{data}");

    private static int Data(Received request) => JsonDocument.Parse(request.Body).RootElement.GetProperty("data").GetInt32();
}
