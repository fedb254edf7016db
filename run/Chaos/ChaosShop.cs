using System.Diagnostics;
using System.Globalization;
using Lavka.Run.Demo;
using Lavka.Sidecar.Sqlite;

namespace Lavka.Run.Chaos;

/// <summary>A shop that is made to suffer: a runner of its own, in a process of its own, that is started again whenever it has been killed.</summary>
internal sealed class ChaosShop : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);

    private readonly IReadOnlyList<AppSpec> _apps;
    private readonly string[] _arguments;
    private readonly string _dataPath;
    private readonly ProcessStarter _starter = new();
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(10) };
    private readonly StreamWriter _log;
    private readonly SemaphoreSlim _restarting = new(1);
    private Process? _runner;
    private bool _ends;

    /// <param name="apps">The run file's apps, which the runner starts.</param>
    /// <param name="arguments">What the runner is told.</param>
    /// <param name="log">The file that gets what it says.</param>
    public ChaosShop(IReadOnlyList<AppSpec> apps, string[] arguments, string dataPath, string log)
    {
        (_apps, _arguments, _dataPath) = (apps, arguments, dataPath);
        _log = new(log) { AutoFlush = true };
        Gateway = new($"http://127.0.0.1:{apps.First(app => app.AppId == "gateway").AppPort}");
    }

    public Uri Gateway { get; }

    /// <summary>Whether a runner can be killed, and what it has started with it.</summary>
    public static bool IsPossible => OperatingSystem.IsLinux();

    /// <summary>Whether the events are in the embedded log.</summary>
    public bool HasEmbeddedLog => File.Exists(LogPath);

    private string LogPath => Path.Combine(_dataPath, "log.db");

    /// <summary>The runner's process.</summary>
    public int Runner => _runner!.Id;

    /// <summary>The services that run now, by name: there may be fewer than were started.</summary>
    public IReadOnlyList<(string Name, int Id)> Services() => [.. OwnProcesses.ChildrenOf(Runner).Select(process => (process.Name, process.Id))];

    /// <summary>Starts the runner; the shop is on its way up.</summary>
    public async Task Start()
    {
        var start = new ProcessStartInfo("dotnet", [typeof(ChaosShop).Assembly.Location, .. _arguments])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,

            // Whoever has signed in stays so, however long it lasts.
            Environment = { ["Gateway__TokenLifetime"] = "2.00:00:00" },
        };
        _runner = await _starter.Start(start);
        _runner.OutputDataReceived += (_, line) => Log(line.Data);
        _runner.ErrorDataReceived += (_, line) => Log(line.Data);
        _runner.BeginOutputReadLine();
        _runner.BeginErrorReadLine();
        _ = Supervise(_runner);
    }

    /// <summary>Kills the runner, and with it all sidecars and services; then starts it again.</summary>
    /// <param name="meanwhile">What is done while nothing runs.</param>
    public async Task Restart(Action? meanwhile = null)
    {
        await _restarting.WaitAsync();
        try
        {
            _runner!.Kill();
            await _runner.WaitForExitAsync();
            meanwhile?.Invoke();
            await Start();
        }
        finally
        {
            _restarting.Release();
        }
    }

    /// <summary>Has every consumer group read its last events once more: so many of each partition.</summary>
    public void Rewind(int count)
    {
        using var connection = new SqliteConnection(LogPath, TimeSpan.FromSeconds(10));
        connection.Prepare("UPDATE offsets SET next = coalesce((SELECT min(id) FROM messages WHERE id < next AND id >= next - ?1), next)").Bind(1, count).Run();
    }

    /// <summary>Publishes an event past the service that would, through its sidecar.</summary>
    /// <returns>Whether the sidecar has taken it.</returns>
    public async Task<bool> Publish(string appId, string type, string json, CancellationToken stop)
    {
        var app = _apps.First(one => one.AppId == appId);
        using var request = new HttpRequestMessage(HttpMethod.Post, $"http://127.0.0.1:{app.HttpPort}/v1.0/publish/pubsub/{appId}?metadata.cloudevent.type={type}&metadata.cloudevent.id={Guid.NewGuid()}")
        {
            Content = new StringContent(json, new System.Net.Http.Headers.MediaTypeHeaderValue("application/json")),
        };
        request.Headers.Add("dapr-api-token", ApiTokens.Find(app, _dataPath));
        try
        {
            using var response = await _http.SendAsync(request, stop);
            return response.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException || (e is TaskCanceledException && !stop.IsCancellationRequested))
        {
            return false;
        }
    }

    /// <summary>Waits until the shop answers.</summary>
    /// <exception cref="RunException">It does not, for a minute.</exception>
    public async Task WaitUntilReady(CancellationToken stop)
    {
        for (var watch = Stopwatch.StartNew(); !await IsUp(stop); await Task.Delay(Poll, stop))
        {
            if (watch.Elapsed > Patience)
            {
                throw new RunException($"The shop does not answer at {Gateway}; what it said is in {((FileStream)_log.BaseStream).Name}.");
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        _ends = true;
        if (_runner is { HasExited: false })
        {
            Signals.Send(_runner.Id, Signals.Continue);
            Signals.Send(_runner.Id, Signals.Terminate);
            await _runner.WaitForExitAsync();
        }

        _runner?.Dispose();
        _http.Dispose();
        await _log.DisposeAsync();
    }

    /// <summary>Starts the runner again if it ends by itself: as whoever runs it would, when a server was away for longer than a component waits for it at the start.</summary>
    private async Task Supervise(Process runner)
    {
        await runner.WaitForExitAsync();
        await _restarting.WaitAsync();
        try
        {
            if (_runner == runner && !_ends)
            {
                Log(string.Create(CultureInfo.InvariantCulture, $"The runner has ended with exit code {runner.ExitCode} and is started again."));
                await Start();
            }
        }
        finally
        {
            _restarting.Release();
        }
    }

    private async Task<bool> IsUp(CancellationToken stop)
    {
        try
        {
            using var response = await _http.GetAsync(new Uri(Gateway, "/health"), stop);
            return response.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException || (e is TaskCanceledException && !stop.IsCancellationRequested))
        {
            return false;
        }
    }

    private void Log(string? line)
    {
        if (line is not null)
        {
            lock (_log)
            {
                _log.WriteLine(line);
            }
        }
    }
}
