using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

/// <summary>
/// The sidecar as a process of its own, killed with -9 under load: what it answered with success is there afterwards, and only what was on its way comes again.
/// LAVKA_KILL_ROUNDS says how often (the gate: 50).
/// </summary>
public sealed class KillTests : IDisposable
{
    private static readonly int Rounds = int.Parse(Environment.GetEnvironmentVariable("LAVKA_KILL_ROUNDS") ?? "5", System.Globalization.CultureInfo.InvariantCulture);

    // Offsets are saved every 100 ms; on a busy machine later.
    private static readonly TimeSpan RedeliveryWindow = TimeSpan.FromSeconds(5);

    private readonly SidecarFolder _folder = new SidecarFolder()
        .Component("pubsub", "pubsub.embedded", ("path", "log.db"))
        .Component("state", "state.sqlite", ("connectionString", "state.db"));

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Nothing_that_was_acknowledged_is_lost()
    {
        var delivered = new ConcurrentDictionary<int, long>();
        var tooLate = new ConcurrentBag<(int Event, TimeSpan Before)>();
        var killed = long.MaxValue;
        await using var app = await ScriptedApp.Start(request =>
        {
            if (request.Path == "/dapr/subscribe")
            {
                return Answer.Json("""[{"pubsubname":"pubsub","topic":"t","route":"/on"}]""");
            }

            if (request.Path == "/on")
            {
                var i = JsonDocument.Parse(request.Body).RootElement.GetProperty("data").GetInt32();
                if (!delivered.TryAdd(i, Stopwatch.GetTimestamp()) && Stopwatch.GetElapsedTime(delivered[i], killed) is var before && before > RedeliveryWindow)
                {
                    tooLate.Add((i, before));
                }
            }

            return new(200);
        });
        var acknowledged = new ConcurrentBag<int>();
        var number = 0;
        for (var round = 0; round < Rounds; round++)
        {
            using var sidecar = await SidecarProcess.Start(_folder, app.Port);
            using var stop = new CancellationTokenSource();
            var load = Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
            {
                while (!stop.IsCancellationRequested)
                {
                    var i = Interlocked.Increment(ref number);
                    if (await sidecar.TryPost("/v1.0/publish/pubsub/t", $"{i}") && await sidecar.TryPost("/v1.0/state/state", $$"""[{"key":"{{i}}","value":{{i}}}]"""))
                    {
                        acknowledged.Add(i);
                    }
                }
            })));
            var before = acknowledged.Count;
            await Eventually.Holds(() => acknowledged.Count >= before + 50, "some load");
            await Task.Delay(Random.Shared.Next(100));
            killed = Stopwatch.GetTimestamp();
            sidecar.Kill();
            await stop.CancelAsync();
            await load;
        }

        using var last = await SidecarProcess.Start(_folder, app.Port);
        await Eventually.Holds(() => acknowledged.All(delivered.ContainsKey), "every acknowledged event");
        Assert.Empty(tooLate);
        foreach (var i in acknowledged)
        {
            Assert.Equal($"{i}", await last.Get($"/v1.0/state/state/{i}"));
        }
    }

    private sealed class SidecarProcess : IDisposable
    {
        private readonly Process _process;
        private readonly HttpClient _http;

        private SidecarProcess(SidecarFolder folder, int appPort)
        {
            var port = Ports.Free();
            Directory.CreateDirectory(folder.Data);
            _process = Process.Start(new ProcessStartInfo("dotnet",
            [
                typeof(Sidecar).Assembly.Location, "--app-id", "app", "--app-port", $"{appPort}", "--dapr-http-port", $"{port}", "--resources-path", folder.Resources, "--log-level", "fatal", "--enable-metrics", "false",
            ])
            { WorkingDirectory = folder.Data })!;
            _http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = new($"http://127.0.0.1:{port}") };
        }

        public static async Task<SidecarProcess> Start(SidecarFolder folder, int appPort)
        {
            var process = new SidecarProcess(folder, appPort);
            await Eventually.Get(async () => await process.TryGet("/v1.0/healthz") ? "" : null, "the sidecar");
            return process;
        }

        public void Kill()
        {
            // On Unix this is SIGKILL.
            _process.Kill();
            _process.WaitForExit();
        }

        public async Task<bool> TryPost(string path, string json)
        {
            try
            {
                using var body = new StringContent(json, Encoding.UTF8, "application/json");
                using var response = await _http.PostAsync(new Uri(path, UriKind.Relative), body);
                return response.StatusCode == HttpStatusCode.NoContent;
            }
            catch (Exception e) when (e is HttpRequestException or SocketException)
            {
                return false;
            }
        }

        public async Task<string> Get(string path) => await _http.GetStringAsync(new Uri(path, UriKind.Relative));

        public void Dispose()
        {
            if (!_process.HasExited)
            {
                Kill();
            }

            _process.Dispose();
            _http.Dispose();
        }

        private async Task<bool> TryGet(string path)
        {
            try
            {
                using var response = await _http.GetAsync(new Uri(path, UriKind.Relative));
                return response.IsSuccessStatusCode;
            }
            catch (Exception e) when (e is HttpRequestException or SocketException)
            {
                return false;
            }
        }
    }
}
