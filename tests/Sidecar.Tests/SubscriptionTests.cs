using System.Text.Json;
using Lavka.Sidecar.Testing;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

public sealed class SubscriptionTests
{
    private const string Plain = """[{"pubsubname":"pubsub","topic":"t","route":"/on"}]""";
    private const string WithDeadLetters = """[{"pubsubname":"pubsub","topic":"t","route":"/on","deadLetterTopic":"dead"},{"pubsubname":"pubsub","topic":"dead","route":"/dead"}]""";

    [Fact]
    public async Task Events_are_brought_in_bulk_and_only_those_not_taken_come_again()
    {
        var first = true;
        await using var test = await TestApp.Start("""[{"pubsubname":"pubsub","topic":"t","route":"/on","bulkSubscribe":{"enabled":true,"maxMessagesCount":3,"maxAwaitDurationMs":200}}]""",
            request =>
            {
                var entries = JsonDocument.Parse(request.Body).RootElement.GetProperty("entries").EnumerateArray().ToList();
                var statuses = entries.Select(entry => new { entryId = entry.GetProperty("entryId").GetString(), status = first && entry.GetProperty("event").GetProperty("data").GetInt32() == 2 ? "RETRY" : "SUCCESS" }).ToList();
                first = false;
                return Answer.Json(JsonSerializer.Serialize(new { statuses }));
            },
            new() { Resources = [TestApp.Component("pubsub", "pubsub.embedded", ("path", "log.db"))] });

        await test.Post("/v1.0/publish/bulk/pubsub/t", """[{"entryId":"a","event":1,"contentType":"application/json"},{"entryId":"b","event":2,"contentType":"application/json"},{"entryId":"c","event":3,"contentType":"application/json"}]""");

        var received = (await test.Received("/on", 2)).Select(request => JsonDocument.Parse(request.Body).RootElement).ToList();
        Assert.Equal("com.dapr.event.sent.bulk", received[0].GetProperty("type").GetString());
        Assert.Equal([1, 2, 3], Data(received[0]).Order());
        Assert.Equal([2], Data(received[1]));

        static IEnumerable<int> Data(JsonElement body) => body.GetProperty("entries").EnumerateArray().Select(entry => entry.GetProperty("event").GetProperty("data").GetInt32());
    }

    [Fact]
    public async Task A_subscription_of_an_unhealthy_app_stops_and_goes_on()
    {
        var healthy = true;
        await using var app = await ScriptedApp.Start(request => request.Path switch
        {
            "/dapr/subscribe" => Answer.Json(WithDeadLetters),
            "/health" => new(healthy ? 200 : 503),
            _ => new(200),
        });
        using var folder = new SidecarFolder().Component("pubsub", "pubsub.embedded", ("path", "log.db"));
        var clock = new TestClock();
        var check = new AppHealthCheck("/health", TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(1), 2);
        await using var sidecar = await Sidecar.StartAsync(new()
        {
            AppId = "app",
            AppPort = app.Port,
            ResourcesPaths = [folder.Resources],
            DataPath = folder.Data,
            AppHealthCheck = check,
            Time = clock,
        });
        await sidecar.Ready;
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = sidecar.HttpEndpoint };

        healthy = false;
        await Eventually.Get(async () =>
        {
            clock.Advance(check.Interval);
            return await http.GetStringOrError("/v1.0/invoke/app/method/x") is var body && body.Contains("not in a healthy state", StringComparison.Ordinal) ? body : null;
        }, "the app to be unhealthy");
        await http.PostAsync("/v1.0/publish/pubsub/t", new StringContent("1"));
        Assert.DoesNotContain(app.Log, request => request.Path == "/on");

        healthy = true;
        await Eventually.Holds(() =>
        {
            clock.Advance(check.Interval);
            return app.Log.Any(request => request.Path == "/on");
        }, "the event");

        // It was kept for the app, not given up on.
        Assert.DoesNotContain(app.Log, request => request.Path == "/dead");
    }

    [Fact]
    public async Task A_test_sees_what_is_published()
    {
        await using var dapr = await EmbeddedSidecar.StartAsync();

        await dapr.PublishAsync("orders", new { Id = 7 }, type: "order.created");

        var published = await dapr.WaitForEvent("orders", e => e.Type == "order.created");
        Assert.Equal(7, published.Data<JsonElement>().GetProperty("id").GetInt32());
        await Assert.ThrowsAsync<TimeoutException>(() => dapr.WaitForEvent("orders", e => e.Type == "order.paid", TimeSpan.FromMilliseconds(50)));
    }

    [Fact]
    public async Task A_delivery_that_a_test_lets_fail_goes_to_the_dead_letters()
    {
        await using var test = await TestApp.Start(WithDeadLetters);
        test.Dapr.Broker.Fail("t");

        await test.Dapr.PublishAsync("t", 1);
        await test.Dapr.PublishAsync("t", 2);

        Assert.Single(await test.Received("/dead"));
        Assert.Single(await test.Received("/on"));
    }

    [Fact]
    public async Task A_delivery_comes_twice_if_a_test_wants_that()
    {
        await using var test = await TestApp.Start(Plain);
        test.Dapr.Broker.Duplicate("t");

        await test.Dapr.PublishAsync("t", 1);
        await test.Dapr.PublishAsync("t", 2);

        var received = await test.Received("/on", 3);
        Assert.Equal(received[0].Text, received[1].Text);
        Assert.NotEqual(received[1].Text, received[2].Text);
    }

    [Fact]
    public async Task A_delivery_comes_late_if_a_test_wants_that()
    {
        await using var test = await TestApp.Start(Plain);
        test.Dapr.Broker.Delay("t", TimeSpan.FromMilliseconds(300));
        var started = System.Diagnostics.Stopwatch.StartNew();

        await test.Dapr.PublishAsync("t", 1);
        await test.Received("/on");

        Assert.True(started.Elapsed >= TimeSpan.FromMilliseconds(290));
    }

    [Fact]
    public async Task Deliveries_come_in_the_order_a_test_gives_them()
    {
        await using var test = await TestApp.Start(Plain);
        await using (var held = test.Dapr.Broker.Hold("t"))
        {
            foreach (var i in new[] { 1, 2, 3 })
            {
                await test.Dapr.PublishAsync("t", i);
            }

            await held.WaitFor(3);
            Assert.Empty(test.App.Log);
            await held.Release(2, 0);
        }

        await test.Dapr.PublishAsync("t", 4);
        var data = (await test.Received("/on", 4)).Select(request => JsonDocument.Parse(request.Body).RootElement.GetProperty("data").GetInt32());
        Assert.Equal([3, 1, 2, 4], data);
    }

    [Fact]
    public async Task Faults_come_to_bulk_subscriptions_too()
    {
        await using var test = await TestApp.Start("""[{"pubsubname":"pubsub","topic":"t","route":"/on","deadLetterTopic":"dead","bulkSubscribe":{"enabled":true,"maxAwaitDurationMs":10}},{"pubsubname":"pubsub","topic":"dead","route":"/dead"}]""");
        test.Dapr.Broker.Fail("t");

        await test.Dapr.PublishAsync("t", 1);

        await test.Received("/dead");
        Assert.DoesNotContain(test.App.Log, request => request.Path == "/on");
    }

    [Fact]
    public async Task A_broker_that_is_away_takes_nothing_and_brings_nothing()
    {
        await using var test = await TestApp.Start(Plain, options: new() { Resources = [TestApp.Component("pubsub", "pubsub.embedded", ("path", "log.db"))] });
        test.Dapr.Broker.TakeAway();
        test.Dapr.Broker.TakeAway();

        Assert.Contains("ERR_PUBSUB_PUBLISH_MESSAGE", (await test.Post("/v1.0/publish/pubsub/t", "1")).Body, StringComparison.Ordinal);

        test.Dapr.Broker.GiveBack();
        await test.Dapr.PublishAsync("t", 2);
        Assert.Single(await test.Received("/on"));
    }

    [Fact]
    public async Task Moving_the_clock_makes_reminders_due_and_ends_what_has_a_time_to_live()
    {
        await using var app = await ScriptedApp.Start(request => request.Path == "/dapr/config" ? Answer.Json("""{"entities":["Cart"]}""") : new(200));
        await using var dapr = await EmbeddedSidecar.StartAsync(new() { AppPort = app.Port });
        await dapr.Ready;
        await dapr.Http.PostAsync("/v1.0/state/statestore", new StringContent("""[{"key":"k","value":1,"metadata":{"ttlInSeconds":"60"}}]"""));
        await dapr.Http.PostAsync("/v1.0/actors/Cart/1/reminders/expire", new StringContent("""{"dueTime":"24h"}"""));

        dapr.Clock.Advance(TimeSpan.FromHours(25));

        await Eventually.Holds(() => app.Log.Any(request => request.Path == "/actors/Cart/1/method/remind/expire"), "the reminder");
        Assert.Equal("", await dapr.Http.GetStringAsync("/v1.0/state/statestore/k"));
    }

    [Fact]
    public async Task Sidecars_with_one_broker_and_one_mesh_work_together()
    {
        var (mesh, broker) = (new SidecarMesh(), new TestBroker());
        await using var listener = await TestApp.Start(Plain, options: new() { AppId = "listener", Mesh = mesh, Broker = broker });
        await using var teller = await EmbeddedSidecar.StartAsync(new() { AppId = "teller", Mesh = mesh, Broker = broker });

        await teller.PublishAsync("t", "hello");

        await listener.Received("/on");
        Assert.Single(broker.Published);
        Assert.Equal("", await teller.Http.GetStringAsync("/v1.0/invoke/listener/method/x"));
    }
}

internal static class HttpClientExtensions
{
    /// <summary>The body, whatever the status.</summary>
    public static async Task<string> GetStringOrError(this HttpClient http, string path)
    {
        using var response = await http.GetAsync(new Uri(path, UriKind.Relative));
        return await response.Content.ReadAsStringAsync();
    }
}
