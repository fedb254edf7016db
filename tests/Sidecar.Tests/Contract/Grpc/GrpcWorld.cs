using System.Text.Json;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests.Contract.Grpc;

/// <summary>A recorded world come to life: its resources, its scripted app, a sidecar, and the others with theirs.</summary>
internal sealed class GrpcWorld : IAsyncDisposable
{
    /// <summary>The daprd to ask instead of the embedded sidecar, to see whether the player asks and compares rightly.</summary>
    private static readonly string? Daprd = Environment.GetEnvironmentVariable("LAVKA_CONTRACT_DAPRD");

    // Peers find each other by multicast DNS, with the same ids in all worlds.
    private static readonly SemaphoreSlim Finding = new(1);

    private const string RecordedRedis = "127.0.0.1:6379";

    private readonly List<IAsyncDisposable> _parts = [];
    private readonly SidecarMesh _mesh = new();
    private readonly TempFolder _folder = new();
    private readonly Dictionary<string, RecordedApp> _peers = [];
    private bool _isFinding;

    /// <summary>Where the main sidecar's resources folder is: the recording's <c>$DIR</c>.</summary>
    public string Folder { get; private set; } = "";

    public RecordedApp? App { get; private set; }

    public ISidecarUnderTest Sidecar { get; private set; } = null!;

    /// <summary>The world's own, where it has one.</summary>
    public RedisServer? Redis { get; private set; }

    /// <summary>Whether answers' <c>grpc-trace-bin</c> was recorded.</summary>
    public bool TellsTracing { get; private init; }

    public IReadOnlyDictionary<string, RecordedApp> Peers => _peers;

    public static async Task<GrpcWorld> Start(string name)
    {
        var recorded = GrpcRecording.World(name);
        var world = new GrpcWorld { TellsTracing = recorded.TryGetProperty("tracing", out _) };
        if (Daprd is not null && recorded.TryGetProperty("peers", out _))
        {
            await Finding.WaitAsync();
            world._isFinding = true;
        }

        try
        {
            if (recorded.TryGetProperty("redis", out _))
            {
                world._parts.Add(world.Redis = await RedisServer.Start());
            }

            foreach (var peer in recorded.TryGetProperty("peers", out var peers) ? peers.EnumerateArray() : [])
            {
                var (app, _) = await world.StartOne(peer, name, recorded);
                world._peers[peer.GetProperty("appId").GetString()!] = app!;
            }

            (world.App, world.Sidecar) = await world.StartOne(recorded, name, recorded);
            return world;
        }
        catch
        {
            await world.DisposeAsync();
            throw;
        }
    }

    /// <summary>The apps' hit counts and logs start anew with each case.</summary>
    public void Forget()
    {
        App?.Forget();
        foreach (var peer in _peers.Values)
        {
            peer.Forget();
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var part in Enumerable.Reverse(_parts))
        {
            await part.DisposeAsync();
        }

        _folder.Dispose();
        if (_isFinding)
        {
            Finding.Release();
        }
    }

    private async Task<(RecordedApp? App, ISidecarUnderTest Sidecar)> StartOne(JsonElement one, string worldName, JsonElement world)
    {
        RecordedApp? app = null;
        if (one.TryGetProperty("app", out var script) && script.ValueKind == JsonValueKind.Object)
        {
            _parts.Add(app = await RecordedApp.Start(script));
        }

        var appId = one.GetProperty("appId").GetString()!;
        Folder = Path.Combine(_folder.Path, appId);
        Directory.CreateDirectory(Path.Combine(Folder, "resources"));
        void Write(string name, string text) => _folder.Write(Path.Combine(appId, name), text.Replace("$DIR", Folder, StringComparison.Ordinal)
            .Replace("$APP", $"127.0.0.1:{app?.Port}", StringComparison.Ordinal).Replace(RecordedRedis, Redis?.Address, StringComparison.Ordinal));
        foreach (var (member, folder) in new[] { ("resources", "resources"), ("files", "") })
        {
            foreach (var (file, text) in one.TryGetProperty(member, out var files) ? files.Deserialize<Dictionary<string, string>>()! : [])
            {
                Write(Path.Combine(folder, file), text);
            }
        }

        if (one.TryGetProperty("config", out var config))
        {
            Write("config.yaml", config.GetString()!);
        }

        var start = new SidecarStart(
            appId, app?.Port, app?.Protocol ?? "http", Path.Combine(Folder, "resources"), config.ValueKind == JsonValueKind.String ? Path.Combine(Folder, "config.yaml") : null,
            one.TryGetProperty("env", out var environment) ? environment.Deserialize<Dictionary<string, string>>()! : [],
            one.TryGetProperty("args", out var arguments) ? arguments.Deserialize<string[]>()! : [],
            TimeSpan.FromSeconds(one.TryGetProperty("warmupSeconds", out var seconds) ? seconds.GetDouble() : 0),
            world.TryGetProperty("control", out _));

        // Whether a process ends is seen with a process.
        var program = Daprd ?? (GrpcRecording.Cases(worldName).Values.Any(one => one.GetProperty("steps").EnumerateArray().Any(step => step.TryGetProperty("alive", out _))) ? typeof(Sidecar).Assembly.Location : null);
        var sidecar = program is null ? await EmbeddedUnderTest.Start(start, _mesh) : await ProcessUnderTest.Start(start, program);
        _parts.Add(sidecar);
        return (app, sidecar);
    }
}
