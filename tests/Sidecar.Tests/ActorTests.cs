using System.Text;
using Lavka.Sidecar.Sqlite;
using Lavka.Sidecar.Testing;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

public sealed class ActorTests : IDisposable
{
    private static readonly HttpClient Http = new(new SocketsHttpHandler { UseProxy = false });

    private readonly SidecarFolder _folder = new SidecarFolder().Component("state", "state.sqlite", ("connectionString", "actors.db"), ("actorStateStore", "true"));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Calls_of_one_actor_take_turns()
    {
        var (running, most) = (0, 0);
        await using var app = await ScriptedApp.Start(request =>
        {
            if (!request.Path.StartsWith("/actors/", StringComparison.Ordinal))
            {
                return Config(request);
            }

            most = Math.Max(most, Interlocked.Increment(ref running));
            Thread.SpinWait(100_000);
            Interlocked.Decrement(ref running);
            return new(200);
        });
        await using var sidecar = await Start(app);

        await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => Call(sidecar, HttpMethod.Put, "/v1.0/actors/Cart/a/method/add", "{}")));

        Assert.Equal(20, app.Log.Count);
        Assert.Equal(1, most);
    }

    [Fact]
    public async Task An_idle_actor_is_deactivated_and_the_next_call_activates_it_anew()
    {
        await using var app = await ScriptedApp.Start(request => request.Path == "/dapr/config" ? Answer.Json("""{"entities":["Cart"],"actorIdleTimeout":"10s"}""") : Config(request));
        var time = new TestClock(running: false);
        await using var sidecar = await Start(app, time);
        await Call(sidecar, HttpMethod.Put, "/v1.0/actors/Cart/a/method/add", "{}");

        time.Advance(TimeSpan.FromSeconds(12));
        await Eventually.Holds(() => app.Log.Any(request => request.Method == "DELETE"), "the deactivation");
        await Call(sidecar, HttpMethod.Put, "/v1.0/actors/Cart/a/method/add", "{}");

        Assert.Equal(["PUT /actors/Cart/a/method/add", "DELETE /actors/Cart/a", "PUT /actors/Cart/a/method/add"], app.Log.Select(request => $"{request.Method} {request.Path}"));
    }

    [Fact]
    public async Task A_reminder_fires_after_a_restart()
    {
        await using var app = await ScriptedApp.Start(Config);
        var time = new TestClock(running: false);
        await using (var sidecar = await Start(app, time))
        {
            await Call(sidecar, HttpMethod.Post, "/v1.0/actors/Cart/a/reminders/r", """{"dueTime":"1h","data":{"n":1}}""");
        }

        await using var restarted = await Start(app, time);
        Assert.Empty(app.Log);
        time.Advance(TimeSpan.FromHours(2));

        await Eventually.Holds(() => !app.Log.IsEmpty, "the reminder");
        var fired = app.Log.First();
        Assert.Equal("/actors/Cart/a/method/remind/r", fired.Path);
        Assert.Contains("\"n\":1", fired.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_reminder_that_does_not_read_hides_no_other()
    {
        await using var app = await ScriptedApp.Start(Config);
        var time = new TestClock(running: false);
        var options = _folder.Options("app", app.Port, time: time);
        await using (var sidecar = await Start(app, time))
        {
            await Call(sidecar, HttpMethod.Post, "/v1.0/actors/Cart/a/reminders/bad", """{"dueTime":"1h"}""");
            await Call(sidecar, HttpMethod.Post, "/v1.0/actors/Cart/a/reminders/good", """{"dueTime":"1h"}""");
        }

        await using (var database = new SqliteDatabase(Path.Combine(options.DataPath, "actors.db"), "CREATE TABLE IF NOT EXISTS other (key TEXT)", TimeSpan.FromSeconds(5)))
        {
            await database.Write(db => db.Prepare("UPDATE state SET value = '{' WHERE key LIKE '%||bad'").Run());
        }

        await using var restarted = await Start(app, time);
        time.Advance(TimeSpan.FromHours(2));

        await Eventually.Holds(() => !app.Log.IsEmpty, "the reminder");
        Assert.Equal("/actors/Cart/a/method/remind/good", app.Log.First().Path);
    }

    [Fact]
    public async Task A_reminder_waits_for_an_app_that_is_away()
    {
        var port = Ports.Free();
        var time = new TestClock(running: false);
        var app = await ScriptedApp.Start(Config, port);
        await using var sidecar = await Start(app, time);
        await Call(sidecar, HttpMethod.Post, "/v1.0/actors/Cart/a/reminders/r", """{"dueTime":"1s"}""");
        await app.DisposeAsync();
        time.Advance(TimeSpan.FromSeconds(2));

        await using var back = await ScriptedApp.Start(Config, port);
        await Eventually.Get(() =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return Task.FromResult(back.Log.IsEmpty ? null : "");
        }, "the reminder");

        Assert.Equal("/actors/Cart/a/method/remind/r", back.Log.First().Path);
    }

    [Fact]
    public async Task A_reminder_that_its_own_callback_removes_stays_removed()
    {
        var removed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Uri? endpoint = null;
        await using var app = await ScriptedApp.Start(request =>
        {
            if (request.Path.EndsWith("/remind/r", StringComparison.Ordinal))
            {
                Http.DeleteAsync(new Uri(endpoint!, "/v1.0/actors/Cart/a/reminders/r")).GetAwaiter().GetResult().Dispose();
                removed.TrySetResult();
            }

            return Config(request);
        });
        var time = new TestClock(running: false);
        await using (var sidecar = await Start(app, time))
        {
            endpoint = sidecar.HttpEndpoint;
            await Call(sidecar, HttpMethod.Post, "/v1.0/actors/Cart/a/reminders/r", """{"dueTime":"1s","period":"10s"}""");
            time.Advance(TimeSpan.FromSeconds(2));
            await removed.Task;
        }

        await using var restarted = await Start(app, time);
        using var reminder = await Http.GetAsync(new Uri(restarted.HttpEndpoint, "/v1.0/actors/Cart/a/reminders/r"));
        Assert.Equal(System.Net.HttpStatusCode.NotFound, reminder.StatusCode);
    }

    private static Answer Config(Received request) => request.Path switch
    {
        "/dapr/config" => Answer.Json("""{"entities":["Cart"]}"""),
        "/dapr/subscribe" => new(404),
        _ => new(200),
    };

    private async Task<Sidecar> Start(ScriptedApp app, TimeProvider? time = null)
    {
        var sidecar = await Sidecar.StartAsync(_folder.Options("app", app.Port, time: time));
        await sidecar.Ready;
        return sidecar;
    }

    private static async Task Call(Sidecar sidecar, HttpMethod method, string path, string json)
    {
        using var request = new HttpRequestMessage(method, new Uri(sidecar.HttpEndpoint, path)) { Content = new StringContent(json, Encoding.UTF8, "application/json") };
        using var response = await Http.SendAsync(request);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
    }
}
