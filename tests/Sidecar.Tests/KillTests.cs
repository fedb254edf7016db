using System.Collections.Concurrent;
using System.Diagnostics;
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
}
