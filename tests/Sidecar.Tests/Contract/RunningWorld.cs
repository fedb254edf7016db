using System.Text.Json;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests.Contract;

/// <summary>A recorded world come to life: its resources, its scripted app, and a sidecar.</summary>
internal sealed class RunningWorld : IAsyncDisposable
{
    private const string RecordedBroker = "amqp://guest:guest@127.0.0.1:5672";

    private readonly TempFolder _folder = new();
    private readonly HttpScript? _script;
    private string _broker = RecordedBroker;

    private RunningWorld(JsonElement world) => _script = world.TryGetProperty("app", out var app) && app.ValueKind == JsonValueKind.Object ? new(app) : null;

    public ScriptedApp? App { get; private set; }

    public Sidecar Sidecar { get; private set; } = null!;

    public static async Task<RunningWorld> Start(JsonElement world)
    {
        var running = new RunningWorld(world);
        if (running._script is not null)
        {
            running.App = await ScriptedApp.Start(running._script.AnswerTo);
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
        _script?.Forget();
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
}
