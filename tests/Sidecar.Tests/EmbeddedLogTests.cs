using System.Net;
using System.Text;
using System.Text.Json;
using Lavka.Sidecar.PubSub;
using Lavka.Sidecar.Sqlite;
using Lavka.Sidecar.Testing;
using Lavka.Testing;
using Microsoft.Extensions.Logging.Abstractions;

namespace Lavka.Sidecar.Tests;

public sealed class EmbeddedLogTests : IDisposable
{
    private static readonly HttpClient Http = new(new SocketsHttpHandler { UseProxy = false });

    private readonly SidecarFolder _folder = new SidecarFolder().Component("pubsub", "pubsub.embedded", ("path", "log.db"), ("partitions", "4"));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Events_of_one_key_arrive_in_their_order()
    {
        await using var app = await Subscriber(_ => new(200));
        await using var sidecar = await Start("one", app);

        await Publish(sidecar, 0, 40, key: "k");

        await Eventually.Holds(() => app.Log.Count == 40, "40 deliveries");
        Assert.Equal(Enumerable.Range(0, 40), app.Log.Select(NumberOf));
    }

    [Fact]
    public async Task What_was_published_before_a_restart_is_delivered_after_it()
    {
        await using (var sidecar = await Start("publisher", null))
        {
            await Publish(sidecar, 0, 10);
        }

        await using var app = await Subscriber(_ => new(200));
        await using var restarted = await Start("subscriber", app);

        await Eventually.Holds(() => app.Log.Count == 10, "10 deliveries");
        Assert.Equal(Enumerable.Range(0, 10), app.Log.Select(NumberOf).Order());
    }

    [Fact]
    public async Task A_new_topic_that_could_not_be_kept_is_made_again_with_what_is_published_next()
    {
        var path = Path.Combine(_folder.Data, "log.db");
        var options = new EmbeddedLogOptions(path, 4, TimeSpan.FromDays(1), FromOldest: true);
        var message = new PubSub.Message("new", Encoding.UTF8.GetBytes("it"), PubSub.Message.NoMetadata);
        await using (var log = new EmbeddedLog(options, TimeProvider.System, NullLogger.Instance))
        {
            using var other = new SqliteConnection(path, TimeSpan.FromSeconds(5));

            // No commit of a new topic passes.
            other.Execute("""
                CREATE TABLE parent (id INTEGER PRIMARY KEY);
                CREATE TABLE child (parent INTEGER REFERENCES parent (id) DEFERRABLE INITIALLY DEFERRED);
                CREATE TRIGGER no_topic AFTER INSERT ON topics BEGIN INSERT INTO child VALUES (1); END;
                """);
            await Assert.ThrowsAsync<SqliteException>(() => log.Publish([message], default));
            other.Execute("DROP TRIGGER no_topic");

            await log.Publish([message], default);
        }

        await using var again = new EmbeddedLog(options, TimeProvider.System, NullLogger.Instance);
        var came = new TaskCompletionSource<string>();
        await using var subscription = await again.Subscribe(new("new", "group", PubSub.Message.NoMetadata), (one, _) =>
        {
            came.TrySetResult(Encoding.UTF8.GetString(one.Data.Span));
            return Task.CompletedTask;
        }, default);
        Assert.Equal("it", await came.Task.WaitAsync(TimeSpan.FromSeconds(30)));
    }

    [Fact]
    public async Task A_group_goes_on_where_it_stopped_and_a_new_group_starts_at_the_beginning()
    {
        await using var first = await Subscriber(_ => new(200));
        await using (var sidecar = await Start("a", first))
        {
            await Publish(sidecar, 0, 10);
            await Eventually.Holds(() => first.Log.Count == 10, "10 deliveries");
        }

        await using var again = await Subscriber(_ => new(200));
        await using var newcomer = await Subscriber(_ => new(200));
        var mesh = new SidecarMesh();
        await using var a = await Start("a", again, mesh);
        await using var b = await Start("b", newcomer, mesh);
        await Publish(a, 10, 1);

        await Eventually.Holds(() => newcomer.Log.Count == 11 && again.Log.Count == 1, "the newcomer's replay");
        Assert.Equal(Enumerable.Range(0, 11), newcomer.Log.Select(NumberOf).Order());
        Assert.Equal(10, NumberOf(again.Log.Single()));
    }

    [Fact]
    public async Task An_event_the_app_fails_comes_again_before_the_next_of_its_key()
    {
        var failures = 2;
        await using var app = await Subscriber(_ => new(Interlocked.Decrement(ref failures) >= 0 ? 500 : 200));
        await using var sidecar = await Start("one", app);

        await Publish(sidecar, 0, 2, key: "k");

        await Eventually.Holds(() => app.Log.Count == 4, "four deliveries");
        Assert.Equal([0, 0, 0, 1], app.Log.Select(NumberOf));
    }

    [Fact]
    public async Task A_group_that_is_thousands_of_events_behind_gets_each_in_the_order_of_its_key_and_one_that_stands_still_holds_up_no_other()
    {
        const int Keys = 50;
        const int Each = 80;
        await using var log = new PubSub.EmbeddedLog(
            new(Path.Combine(_folder.Data, "log.db"), 4, TimeSpan.FromHours(1), FromOldest: true), TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        var held = new TaskCompletionSource();
        await using var standing = await Subscribe("standing", InFlight: 1, (_, stop) => held.Task.WaitAsync(stop));
        for (var number = 0; number < Each; number++)
        {
            await log.Publish([.. Enumerable.Range(0, Keys).Select(key =>
                new PubSub.Message("t", Encoding.UTF8.GetBytes($"{key} {number}"), new Dictionary<string, string> { ["partitionKey"] = $"{key}" }))], default);
        }

        var (taken, atOnce, mostAtOnce) = (new Dictionary<string, List<int>>(), 0, 0);
        await using var late = await Subscribe("late", InFlight: 100, async (message, _) =>
        {
            lock (taken)
            {
                mostAtOnce = Math.Max(mostAtOnce, Interlocked.Increment(ref atOnce));
                var parts = Encoding.UTF8.GetString(message.Data.Span).Split(' ');
                taken[parts[0]] = [.. taken.GetValueOrDefault(parts[0]) ?? [], int.Parse(parts[1], System.Globalization.CultureInfo.InvariantCulture)];
            }

            await Task.Yield();
            Interlocked.Decrement(ref atOnce);
        });

        await Eventually.Holds(() => Count() == Keys * Each, "every event");
        Assert.All(taken.Values, numbers => Assert.Equal(Enumerable.Range(0, Each), numbers));

        // What waits stays in the file: of each partition a group has one batch at a time.
        Assert.InRange(mostAtOnce, 1, 4 * 64);
        held.SetResult();

        int Count()
        {
            lock (taken)
            {
                return taken.Values.Sum(numbers => numbers.Count);
            }
        }

        ValueTask<IAsyncDisposable> Subscribe(string consumer, int InFlight, PubSub.MessageHandler handler) =>
            log.Subscribe(new("t", consumer, PubSub.Message.NoMetadata, InFlight), handler, default);
    }

    [Fact]
    public async Task The_newest_events_come_from_memory_and_older_or_larger_ones_from_the_file()
    {
        await using var log = new PubSub.EmbeddedLog(
            new(Path.Combine(_folder.Data, "log.db"), 1, TimeSpan.FromHours(1), FromOldest: true), TimeProvider.System, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        var lengths = Enumerable.Range(0, 200).Select(i => i % 7 == 0 ? 10_000 + i : 10 + i).ToList();
        foreach (var length in lengths)
        {
            await log.Publish([new("t", new byte[length], new Dictionary<string, string> { ["length"] = $"{length}" })], default);
        }

        var taken = new System.Collections.Concurrent.ConcurrentQueue<(int, string)>();
        await using var subscription = await log.Subscribe(new("t", "group", PubSub.Message.NoMetadata), (message, _) =>
        {
            taken.Enqueue((message.Data.Length, message.Metadata["length"]));
            return Task.CompletedTask;
        }, default);

        await Eventually.Holds(() => taken.Count == lengths.Count, "every event");
        Assert.Equal(lengths.Select(length => (length, $"{length}")), taken);
    }

    [Fact]
    public async Task Retention_deletes_old_messages_but_never_gives_their_offsets_again()
    {
        var time = new TestClock(running: false);
        var log = new PubSub.EmbeddedLog(new(Path.Combine(_folder.Data, "log.db"), 1, TimeSpan.FromHours(1), FromOldest: true), time, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance);
        await using (log)
        {
            await log.Publish([.. Enumerable.Range(0, 5).Select(Message)], default);
            time.Advance(TimeSpan.FromHours(2));
            await log.Publish([Message(5)], default);
            time.Advance(TimeSpan.FromMinutes(1));
            var received = new List<int>();

            // Deleting runs in the background: what is read tells when it has happened.
            await Eventually.Get(async () =>
            {
                received.Clear();
                await using var subscription = await log.Subscribe(new("t", Guid.NewGuid().ToString(), Lavka.Sidecar.PubSub.Message.NoMetadata), (message, _) =>
                {
                    lock (received)
                    {
                        received.Add(int.Parse(Encoding.UTF8.GetString(message.Data.Span), System.Globalization.CultureInfo.InvariantCulture));
                    }

                    return Task.CompletedTask;
                }, default);
                await Eventually.Holds(() => received.Contains(5), "the newest message");
                return received.Count == 1 ? "" : null;
            }, "the old messages to go");
        }

        static PubSub.Message Message(int number) => new("t", Encoding.UTF8.GetBytes($"{number}"), PubSub.Message.NoMetadata);
    }

    [Fact]
    public async Task A_log_that_another_process_has_open_is_refused_with_its_path()
    {
        await using var first = await Start("one", null);

        // Another mesh stands for another process: the lock is the operating system's.
        var error = await Assert.ThrowsAsync<Resources.ResourceException>(() => Start("two", null, new SidecarMesh()));

        Assert.Contains("log.db", error.Message, StringComparison.Ordinal);
        Assert.Contains("another process", error.Message, StringComparison.Ordinal);
    }

    private static Task<ScriptedApp> Subscriber(Func<Received, Answer> answer) => ScriptedApp.Start(request => request.Path switch
    {
        "/dapr/subscribe" => Answer.Json("""[{"pubsubname":"pubsub","topic":"t","route":"/on"}]"""),
        "/on" => answer(request),
        _ => new(404),
    });

    private async Task<Sidecar> Start(string appId, ScriptedApp? app, SidecarMesh? mesh = null)
    {
        var sidecar = await Sidecar.StartAsync(_folder.Options(appId, app?.Port, mesh));
        await sidecar.Ready;
        return sidecar;
    }

    private static async Task Publish(Sidecar sidecar, int from, int count, string? key = null)
    {
        for (var i = from; i < from + count; i++)
        {
            using var body = new StringContent($"{i}", Encoding.UTF8, "application/json");
            using var response = await Http.PostAsync(new Uri(sidecar.HttpEndpoint, $"/v1.0/publish/pubsub/t{(key is null ? "" : $"?metadata.partitionKey={key}")}"), body);
            Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        }
    }

    private static int NumberOf(Received request) => JsonDocument.Parse(request.Body).RootElement.GetProperty("data").GetInt32();
}
