using System.Text.Json;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests.Contract;

/// <summary>A recorded world come to life: its resources, its scripted app, and a sidecar.</summary>
internal sealed class RunningWorld : IAsyncDisposable
{
    private const string RecordedBroker = "amqp://guest:guest@127.0.0.1:5672";

    private readonly TempFolder _folder = new();
    private readonly Dictionary<string, int> _hits = [];
    private readonly JsonElement _script;
    private string _broker = RecordedBroker;

    private RunningWorld(JsonElement world) => _script = world.TryGetProperty("app", out var app) ? app : default;

    public ScriptedApp? App { get; private set; }

    public Sidecar Sidecar { get; private set; } = null!;

    public static async Task<RunningWorld> Start(JsonElement world)
    {
        var running = new RunningWorld(world);
        if (running._script.ValueKind == JsonValueKind.Object)
        {
            running.App = await ScriptedApp.Start(running.AnswerTo);
        }

        if (world.TryGetProperty("broker", out _))
        {
            running._broker = (await RabbitMqServer.Shared).ConnectionString;
        }

        running.Write(world, "resources", "resources");
        running.Write(world, "files", "");
        var environment = world.TryGetProperty("env", out var variables) ? variables.Deserialize<Dictionary<string, string>>()! : [];
        running.Sidecar = await Sidecar.StartAsync(new()
        {
            AppId = world.GetProperty("appId").GetString()!,
            AppPort = running.App?.Port,
            ResourcesPaths = [Path.Combine(running._folder.Path, "resources")],
            ConfigPaths = world.TryGetProperty("config", out var config) ? [running._folder.Write("config.yaml", config.GetString()!)] : [],
            Environment = environment,
            ApiToken = environment.GetValueOrDefault("DAPR_API_TOKEN"),
            AppToken = environment.GetValueOrDefault("APP_API_TOKEN"),
        });
        await running.Sidecar.Ready;
        return running;
    }

    /// <summary>The app's hit counts and log start anew with each case.</summary>
    public void Forget()
    {
        lock (_hits)
        {
            _hits.Clear();
        }

        App?.Log.Clear();
    }

    public async ValueTask DisposeAsync()
    {
        await Sidecar.DisposeAsync();
        if (App is not null)
        {
            await App.DisposeAsync();
        }

        _folder.Dispose();
    }

    private void Write(JsonElement world, string member, string folder)
    {
        Directory.CreateDirectory(Path.Combine(_folder.Path, folder));
        if (world.TryGetProperty(member, out var files))
        {
            foreach (var file in files.EnumerateObject())
            {
                _folder.Write(Path.Combine(folder, file.Name), file.Value.GetString()!.Replace("$DIR", _folder.Path, StringComparison.Ordinal).Replace(RecordedBroker, _broker, StringComparison.Ordinal));
            }
        }
    }

    private Answer AnswerTo(Received request)
    {
        switch (request.Path)
        {
            case "/dapr/subscribe":
                return Member(_script, "subscribe") is { } subscriptions ? Answer.Json(subscriptions.GetRawText()) : new(404);
            case "/dapr/config":
                return Member(_script, "config") is { } config ? Answer.Json(config.GetRawText()) : new(404);
        }

        if (Member(_script, "routes") is not { } routes)
        {
            return new(404);
        }

        var route = routes.EnumerateObject().Where(candidate => candidate.Name == request.Path || (candidate.Name.EndsWith('*') && request.Path.StartsWith(candidate.Name[..^1], StringComparison.Ordinal)))
            .OrderByDescending(candidate => candidate.Name == request.Path).ThenByDescending(candidate => candidate.Name.Length).FirstOrDefault();
        if (route.Value.ValueKind == JsonValueKind.Undefined)
        {
            return new(404);
        }

        var answer = route.Value;
        if (answer.ValueKind == JsonValueKind.Array)
        {
            lock (_hits)
            {
                var hit = _hits.GetValueOrDefault(route.Name);
                _hits[route.Name] = hit + 1;
                answer = answer[Math.Min(hit, answer.GetArrayLength() - 1)];
            }
        }

        return From(answer, request);
    }

    private static Answer From(JsonElement answer, Received request)
    {
        var headers = Member(answer, "headers")?.Deserialize<Dictionary<string, string>>();
        if (Member(answer, "echo") is { ValueKind: JsonValueKind.True })
        {
            var query = System.Web.HttpUtility.ParseQueryString(request.Query);
            var echo = new
            {
                method = request.Method,
                path = request.Path,
                query = query.AllKeys.ToDictionary(key => key!, key => query[key]),
                contentType = request.Headers.GetValueOrDefault("content-type"),
                body = request.Text,
            };
            return Answer.Json(JsonSerializer.Serialize(echo)) with { Headers = headers };
        }

        var delay = TimeSpan.FromSeconds(Member(answer, "delay")?.GetDouble() ?? 0);
        var status = Member(answer, "status")?.GetInt32() ?? 200;
        return Member(answer, "body") is not { } body ? new(status, Headers: headers, Delay: delay)
            : body.ValueKind == JsonValueKind.String ? new(status, body.GetString(), "text/plain", headers, delay)
            : new(status, body.GetRawText(), "application/json", headers, delay);
    }

    private static JsonElement? Member(JsonElement from, string name) =>
        from.ValueKind == JsonValueKind.Object && from.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
}
