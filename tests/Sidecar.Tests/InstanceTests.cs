using System.Net;
using Lavka.Sidecar.Testing;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

/// <summary>Several sidecars of one mesh with one app id: instances of one app.</summary>
public sealed class InstanceTests : IDisposable
{
    private const string HostsCarts = """{"entities":["Cart"]}""";

    private readonly SidecarMesh _mesh = new();
    private readonly TestClock _clock = new();
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Invocations_go_to_the_instances_in_turn()
    {
        await using var caller = await Start("caller");
        await using var first = await Start("callee");
        await using var second = await Start("callee");

        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(HttpStatusCode.OK, (await caller.Get("/v1.0/invoke/callee/method/hello")).Status);
        }

        Assert.Equal((5, 5), (first.App.Log.Count(request => request.Path == "/hello"), second.App.Log.Count(request => request.Path == "/hello")));
    }

    [Fact]
    public async Task An_instance_whose_app_is_not_healthy_gets_nothing_until_it_is()
    {
        var isHealthy = true;
        await using var caller = await Start("caller");
        await using var sick = await Start("callee", request => request.Path == "/healthz" ? new(Volatile.Read(ref isHealthy) ? 200 : 500) : new(201), checkHealth: true);
        await using var well = await Start("callee");

        Volatile.Write(ref isHealthy, false);
        await Eventually.Get(async () => (await Ten()).All(status => status == HttpStatusCode.OK) ? "" : null, "only the healthy one to be called");
        Volatile.Write(ref isHealthy, true);
        await Eventually.Get(async () => (await Ten()).Count(status => status == HttpStatusCode.Created) == 5 ? "" : null, "both to be called again");

        async Task<List<HttpStatusCode>> Ten()
        {
            var statuses = new List<HttpStatusCode>();
            for (var i = 0; i < 10; i++)
            {
                statuses.Add((await caller.Get("/v1.0/invoke/callee/method/hello")).Status);
            }

            return statuses;
        }
    }

    [Fact]
    public async Task An_actor_lives_at_one_instance_and_moves_when_that_goes()
    {
        await using var caller = await Start("caller");
        var first = await Start("carts", config: HostsCarts);
        await using var second = await Start("carts", config: HostsCarts);
        await CallAll(caller, times: 3);
        var (atFirst, atSecond) = (Called(first), Called(second));
        Assert.NotEmpty(atFirst);
        Assert.NotEmpty(atSecond);
        Assert.Empty(atFirst.Intersect(atSecond));

        await first.DisposeAsync();
        await CallAll(caller, times: 1);

        Assert.Equal(20, Called(second).Count);
    }

    [Fact]
    public async Task An_actor_ends_at_its_old_instance_before_it_lives_at_a_new_one()
    {
        await using var caller = await Start("caller");
        await using var first = await Start("carts", config: HostsCarts);
        await CallAll(caller, times: 1);

        await using var second = await Start("carts", config: HostsCarts);
        await CallAll(caller, times: 1);

        var moved = Called(second);
        Assert.NotEmpty(moved);
        Assert.Equal(moved.Order(), first.App.Log.Where(request => request.Method == "DELETE").Select(request => request.Path.Split('/')[3]).Order());

        // What it was still to save at its old instance is refused: it does not live there any more.
        var late = await first.Post($"/v1.0/actors/Cart/{moved.First()}/state", """[{"operation":"upsert","request":{"key":"k","value":1}}]""");
        Assert.Contains("ERR_ACTOR_INSTANCE_MISSING", late.Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Each_reminder_fires_at_one_instance_and_goes_with_its_actor()
    {
        await using var first = await Start("carts", config: HostsCarts);
        var second = await Start("carts", config: HostsCarts);
        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(HttpStatusCode.NoContent, (await first.Post($"/v1.0/actors/Cart/{i}/reminders/r", """{"dueTime":"1h","period":"1h"}""")).Status);
        }

        _clock.Advance(TimeSpan.FromMinutes(61));
        await Eventually.Holds(() => Reminded(first).Count + Reminded(second).Count == 10, "ten reminders");
        Assert.Equal(10, Reminded(first).Concat(Reminded(second)).Distinct().Count());
        Assert.NotEmpty(Reminded(second));

        var before = Reminded(first).Count;
        await second.DisposeAsync();
        _clock.Advance(TimeSpan.FromMinutes(61));

        // One that was just fired when its instance went may fire again.
        await Eventually.Holds(() => Reminded(first).Skip(before).Distinct().Count() == 10, "all ten at the one that is left");
    }

    [Fact]
    public async Task A_caller_that_alternates_between_two_apps_gets_to_all_instances_of_both()
    {
        await using var caller = await Start("caller");
        await using var first = await Start("left");
        await using var second = await Start("left");
        await using var third = await Start("right");
        await using var fourth = await Start("right");

        for (var i = 0; i < 10; i++)
        {
            await caller.Get("/v1.0/invoke/left/method/hello");
            await caller.Get("/v1.0/invoke/right/method/hello");
        }

        Assert.Equal([5, 5, 5, 5], new[] { first, second, third, fourth }.Select(instance => instance.App.Log.Count(request => request.Path == "/hello")));
    }

    [Fact]
    public async Task A_job_fires_at_one_instance_after_a_restart_and_when_one_goes()
    {
        await using (var before = await Start("worker"))
        {
            await before.Post("/v1.0-alpha1/jobs/once", """{"dueTime":"1h"}""");
            await before.Post("/v1.0-alpha1/jobs/later", """{"dueTime":"3h"}""");
        }

        var first = await Start("worker");
        await using var second = await Start("worker");
        _clock.Advance(TimeSpan.FromHours(1));
        await Eventually.Get(async () => (await second.Get("/v1.0-alpha1/jobs/once")).Status == HttpStatusCode.InternalServerError ? "" : null, "the job to end");
        Assert.Equal(1, first.App.Log.Concat(second.App.Log).Count(request => request.Path == "/job/once"));

        await first.DisposeAsync();
        _clock.Advance(TimeSpan.FromHours(2));
        await second.Received("/job/later");
    }

    [Fact]
    public async Task An_actor_that_comes_back_to_an_instance_that_was_away_starts_anew_there()
    {
        var isHealthy = true;
        await using var caller = await Start("caller");
        await using var sick = await Start("carts", request => request.Path == "/healthz" ? new(Volatile.Read(ref isHealthy) ? 200 : 500) : null, HostsCarts, checkHealth: true);
        await using var well = await Start("carts", config: HostsCarts);
        await CallAll(caller, times: 1);
        var moving = Called(sick);

        Volatile.Write(ref isHealthy, false);
        await Eventually.Get(async () => { await CallAll(caller, times: 1); return Called(well).Count == 20 ? "" : null; }, "all actors at the healthy one");
        Volatile.Write(ref isHealthy, true);
        var at = sick.App.Log.Count(request => request.Path.EndsWith("/method/add", StringComparison.Ordinal));
        await Eventually.Get(async () => { await CallAll(caller, times: 1); return sick.App.Log.Count(request => request.Path.EndsWith("/method/add", StringComparison.Ordinal)) > at ? "" : null; }, "actors to be back");
        await CallAll(caller, times: 1);

        Assert.All(moving, id => Assert.Matches("^(PUT )+DELETE (PUT )+$", string.Concat(sick.App.Log.Where(request => request.Path.StartsWith($"/actors/Cart/{id}", StringComparison.Ordinal)
            && request.Path.Split('/')[3] == id).Select(request => request.Method + ' '))));
    }

    [Fact]
    public async Task An_instance_that_leaves_lets_its_turns_end_before_others_start_the_actor()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        bool? hasEnded = null;
        await using var caller = await Start("caller");
        var first = await Start("carts", request => request.Path == "/actors/Cart/a/method/slow" ? new(After: gate.Task) : null, HostsCarts);
        var slow = caller.Post("/v1.0/actors/Cart/a/method/slow", "{}");
        await first.Received("/actors/Cart/a/method/slow");
        await using var second = await Start("carts", request =>
        {
            hasEnded = request.Path == "/actors/Cart/a/method/next" ? gate.Task.IsCompleted : hasEnded;
            return null;
        }, HostsCarts);

        var leaving = first.DisposeAsync().AsTask();
        var next = caller.Post("/v1.0/actors/Cart/a/method/next", "{}");
        await Eventually.Get(async () => { await CallAll(caller, times: 1); return Called(second).Count == 20 ? "" : null; }, "the other to take over");
        gate.SetResult();

        Assert.Equal(HttpStatusCode.OK, (await slow).Status);
        Assert.Equal(HttpStatusCode.OK, (await next).Status);
        await leaving;
        Assert.Contains(first.App.Log, request => request is { Method: "DELETE", Path: "/actors/Cart/a" });
        Assert.True(hasEnded);
    }

    [Fact]
    public async Task A_reminder_that_fires_while_an_instance_comes_fires_once()
    {
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var first = await Start("carts", request => request.Path.EndsWith("/remind/r", StringComparison.Ordinal) ? new(After: gate.Task) : null, HostsCarts);
        for (var i = 0; i < 10; i++)
        {
            await first.Post($"/v1.0/actors/Cart/{i}/reminders/r", """{"dueTime":"1h"}""");
        }

        _clock.Advance(TimeSpan.FromMinutes(61));
        await Eventually.Holds(() => Reminded(first).Count == 10, "ten reminders");
        await using var second = await Start("carts", config: HostsCarts);
        gate.SetResult();

        for (var i = 0; i < 10; i++)
        {
            await Eventually.Get(async () => (await second.Get($"/v1.0/actors/Cart/{i}/reminders/r")).Status == HttpStatusCode.NotFound ? "" : null, "the reminder to be over");
        }

        await CallAll(second, times: 1);
        Assert.Empty(Reminded(second));
        Assert.Equal(10, Reminded(first).Count);
    }

    [Fact]
    public async Task Instances_share_a_store_and_know_all_of_its_fields()
    {
        using var log = new LogLines();
        var options = new EmbeddedSidecarOptions
        {
            AppId = "carts",
            Mesh = _mesh,
            Logs = log,
            DataPath = _folder.Path,
            Resources = [TestApp.Component("statestore", "state.sqlite", ("connectionString", "{appID}.db"), ("tableName", "items"), ("busyTimeout", "5s"), ("cleanupInterval", "1h"), ("colour", "red"))],
        };
        await using var first = await TestApp.Start(options: options);
        await using var second = await TestApp.Start(options: options);

        await first.Post("/v1.0/state/statestore", """[{"key":"k","value":1}]""");

        Assert.Equal((HttpStatusCode.OK, "1"), await second.Get("/v1.0/state/statestore/k"));
        Assert.All(log.With("is unknown to state.sqlite"), line => Assert.Contains("'colour'", line, StringComparison.Ordinal));
        Assert.Equal(2, log.With("is unknown to state.sqlite").Count());
    }

    [Fact]
    public async Task The_memory_brings_the_other_instance_what_one_that_is_killed_had_yet_to_take()
    {
        const string Subscribes = """[{"pubsubname":"pubsub","topic":"t","route":"/on"}]""";
        var options = new EmbeddedSidecarOptions { AppId = "carts", Mesh = _mesh, Resources = [TestApp.Component("pubsub", "pubsub.in-memory")] };
        var held = new TaskCompletionSource();
        var dying = await TestApp.Start(Subscribes, request => request.Path == "/on" ? new(200, After: Task.Delay(Timeout.Infinite)) : null, options);
        await using var other = await TestApp.Start(Subscribes, request => request.Path == "/on" ? new(200, After: held.Task) : null, options);
        for (var i = 0; i < 20; i++)
        {
            await other.Dapr.PublishAsync("t", i);
        }

        await dying.Received("/on");
        await dying.DisposeAsync();
        held.SetResult();

        await other.Received("/on", 20);
    }

    private async Task<TestApp> Start(string appId, Func<Received, Answer?>? answer = null, string config = "{}", bool checkHealth = false) =>
        await TestApp.Start("[]", request => request.Path == "/dapr/config" ? Answer.Json(config) : answer?.Invoke(request), new()
        {
            AppId = appId,
            Mesh = _mesh,
            Clock = _clock,
            DataPath = _folder.Path,
            AppHealthCheck = checkHealth ? new("/healthz", TimeSpan.FromMilliseconds(50), TimeSpan.FromSeconds(5), 1) : null,
            Resources = [TestApp.Component("statestore", "state.sqlite", ("connectionString", "{appID}.db"), ("actorStateStore", "true"))],
        });

    private static async Task CallAll(TestApp caller, int times)
    {
        for (var i = 0; i < 20 * times; i++)
        {
            Assert.Equal(HttpStatusCode.OK, (await caller.Post($"/v1.0/actors/Cart/{i % 20}/method/add", "{}")).Status);
        }
    }

    private static HashSet<string> Called(TestApp instance) => [.. instance.App.Log.Where(request => request.Path.EndsWith("/method/add", StringComparison.Ordinal)).Select(request => request.Path.Split('/')[3])];

    private static List<string> Reminded(TestApp instance) => [.. instance.App.Log.Where(request => request.Path.Contains("/method/remind/", StringComparison.Ordinal)).Select(request => request.Path.Split('/')[3])];
}
