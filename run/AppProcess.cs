using System.Diagnostics;
using System.Globalization;

namespace Lavka.Run;

/// <summary>A service's process. It is started again when it dies, after a pause that grows while it keeps dying, and it dies with the runner.</summary>
internal sealed class AppProcess : IAsyncDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    // A process that has run for so long has recovered.
    private static readonly TimeSpan Recovered = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    private readonly AppSpec _app;
    private readonly ProcessStarter _starter;
    private readonly Action<string, string> _log;
    private readonly IReadOnlyDictionary<string, string> _environment;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;
    private volatile Process? _process;

    public AppProcess(AppSpec app, IReadOnlyDictionary<string, string> environment, ProcessStarter starter, Action<string, string> log)
    {
        (_app, _environment, _starter, _log) = (app, environment, starter, log);
        _loop = Task.Run(Loop);
    }

    /// <summary>Asks the process to end, and ends it if it does not.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
    }

    private async Task Loop()
    {
        var pause = FirstPause;
        while (!_stop.IsCancellationRequested)
        {
            var started = Stopwatch.GetTimestamp();
            var ended = await RunOnce();
            if (_stop.IsCancellationRequested)
            {
                return;
            }

            pause = Stopwatch.GetElapsedTime(started) > Recovered ? FirstPause : pause;
            _log(_app.Name, string.Create(CultureInfo.InvariantCulture, $"{ended}; starting it again in {pause.TotalSeconds:0.0} s"));
            await Task.Delay(pause, _stop.Token).ContinueWith(_ => { }, TaskScheduler.Default);
            pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
        }
    }

    /// <summary>Runs the process until it ends; answers how it did.</summary>
    private async Task<string> RunOnce()
    {
        Process process;
        try
        {
            process = await _starter.Start(StartInfo());
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception or InvalidOperationException)
        {
            return $"'{_app.Command[0]}' cannot be started: {e.Message}";
        }

        using (process)
        {
            _process = process;
            process.OutputDataReceived += (_, line) => Log(line.Data);
            process.ErrorDataReceived += (_, line) => Log(line.Data);
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
            try
            {
                await process.WaitForExitAsync(_stop.Token);
                return $"the process has ended with exit code {process.ExitCode.ToString(CultureInfo.InvariantCulture)}";
            }
            catch (OperationCanceledException)
            {
                await End(process);
                return "stopped";
            }
        }
    }

    private static async Task End(Process process)
    {
        if (!Signals.Send(process.Id, Signals.Terminate))
        {
            process.Kill(entireProcessTree: true);
        }

        using var limit = new CancellationTokenSource(Grace);
        try
        {
            await process.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync();
        }
    }

    private void Log(string? line)
    {
        if (line is not null)
        {
            _log(_app.Name, line);
        }
    }

    private ProcessStartInfo StartInfo()
    {
        var start = new ProcessStartInfo(_app.Command[0], _app.Command.Skip(1))
        {
            WorkingDirectory = _app.Directory,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        foreach (var (name, value) in _environment)
        {
            start.Environment[name] = value;
        }

        return start;
    }
}
