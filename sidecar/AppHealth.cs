namespace Lavka.Sidecar;

/// <summary>
/// Asks the app for its health (Dapr: developing-applications/building-blocks/observability/app-health). It counts as unhealthy until it has said otherwise; while
/// it does, it gets nothing: no events, no invocations, no jobs.
/// </summary>
internal sealed partial class AppHealth(AppChannel app, AppHealthCheck check, TimeProvider time, ILogger<AppHealth> log) : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private Task _loop = Task.CompletedTask;

    /// <summary>Completes when the app is healthy for the first time; afterwards every change is told.</summary>
    public async Task Start(Func<bool, Task> changed, CancellationToken stop)
    {
        app.IsHealthy = false;
        while (!await Probe(stop))
        {
            await Task.Delay(check.Interval, time, stop);
        }

        app.IsHealthy = true;
        LogHealthy();
        _loop = Task.Run(() => Loop(changed), CancellationToken.None);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
    }

    private Task<bool> Probe(CancellationToken stop) => app.Probe('/' + check.Path.TrimStart('/'), check.Timeout, stop);

    private async Task Loop(Func<bool, Task> changed)
    {
        var failures = 0;
        try
        {
            while (true)
            {
                await Task.Delay(check.Interval, time, _stop.Token);
                var healthy = await Probe(_stop.Token);
                if (app.IsHealthy)
                {
                    // As in daprd, a success in between does not make the failures before it forgotten.
                    failures += healthy ? 0 : 1;
                    if (failures < check.Threshold)
                    {
                        continue;
                    }

                    healthy = false;
                    LogUnhealthy(failures);
                }
                else if (healthy)
                {
                    LogHealthy();
                }
                else
                {
                    continue;
                }

                failures = 0;
                app.IsHealthy = healthy;
                await Tell(changed, healthy);
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }

    private async Task Tell(Func<bool, Task> changed, bool healthy)
    {
        try
        {
            await changed(healthy);
        }
        catch (Exception e) when (!_stop.IsCancellationRequested)
        {
            LogFailed(healthy, e);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The app's health became {Healthy}, which could not be followed")]
    private partial void LogFailed(bool healthy, Exception error);

    [LoggerMessage(Level = LogLevel.Information, Message = "App entered healthy status")]
    private partial void LogHealthy();

    [LoggerMessage(Level = LogLevel.Warning, Message = "App entered un-healthy status after {Failures} failed health checks")]
    private partial void LogUnhealthy(int failures);
}
