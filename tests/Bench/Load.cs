using System.Diagnostics;

namespace Lavka.Bench;

/// <summary>What a load came to.</summary>
/// <param name="PerSecond">Calls a second.</param>
/// <param name="P50">Of the calls' latencies, in milliseconds.</param>
/// <param name="P99">Of the calls' latencies, in milliseconds.</param>
/// <param name="CpuMicroseconds">The sidecar's processor time for a call.</param>
internal sealed record Measurement(double PerSecond, double P50, double P99, double CpuMicroseconds);

/// <summary>Callers that each ask again as soon as they are answered.</summary>
internal sealed record Load(int Workers, TimeSpan Duration)
{
    private static readonly TimeSpan DeliveryPatience = TimeSpan.FromSeconds(30);

    /// <exception cref="TimeoutException">Published events did not all come to the app.</exception>
    public async Task<Measurement> Measure(SidecarUnderLoad sidecar, Operation operation, CancellationToken cancellationToken)
    {
        var (delivered, cpu) = (sidecar.App.Delivered, sidecar.Cpu);
        var watch = Stopwatch.StartNew();
        var latencies = await Task.WhenAll(Enumerable.Range(0, Workers).Select(worker => Task.Run(() => Work(sidecar, operation, worker, watch, cancellationToken), cancellationToken)));
        var elapsed = watch.Elapsed;
        var all = latencies.SelectMany(one => one).Order().ToArray();
        if (operation.IsDelivered)
        {
            await WaitFor(sidecar.App, delivered + all.Length, cancellationToken);
        }

        return new(all.Length / elapsed.TotalSeconds, all[all.Length / 2], all[all.Length * 99 / 100], (sidecar.Cpu - cpu).TotalMicroseconds / all.Length);
    }

    private async Task<List<double>> Work(SidecarUnderLoad sidecar, Operation operation, int worker, Stopwatch watch, CancellationToken cancellationToken)
    {
        var latencies = new List<double>();
        for (var n = worker; watch.Elapsed < Duration; n += Workers)
        {
            var started = Stopwatch.GetTimestamp();
            await operation.Call(sidecar, n, cancellationToken);
            latencies.Add(Stopwatch.GetElapsedTime(started).TotalMilliseconds);
        }

        return latencies;
    }

    private static async Task WaitFor(EchoApp app, long delivered, CancellationToken cancellationToken)
    {
        var watch = Stopwatch.StartNew();
        while (app.Delivered < delivered)
        {
            if (watch.Elapsed > DeliveryPatience)
            {
                throw new TimeoutException($"{delivered - app.Delivered} of the published events did not come to the app.");
            }

            await Task.Delay(20, cancellationToken);
        }
    }
}
