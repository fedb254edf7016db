using System.Collections.Concurrent;
using System.Diagnostics;

namespace Lavka.Run;

/// <summary>
/// Starts processes that do not outlive the runner, not even when it is killed with -9: on Linux the kernel ends them (<c>setpriv --pdeathsig</c>). The kernel
/// watches the thread that started them, so one thread, which lives as long as the runner, starts them all.
/// </summary>
internal sealed class ProcessStarter
{
    private const string Setpriv = "/usr/bin/setpriv";

    private readonly BlockingCollection<(ProcessStartInfo Start, TaskCompletionSource<Process> Started)> _requests = [];

    public ProcessStarter() => new Thread(Run) { IsBackground = true, Name = "process starter" }.Start();

    /// <exception cref="System.ComponentModel.Win32Exception">There is no such program.</exception>
    public Task<Process> Start(ProcessStartInfo start)
    {
        if (OperatingSystem.IsLinux() && File.Exists(Setpriv))
        {
            start.ArgumentList.Insert(0, start.FileName);
            start.ArgumentList.Insert(0, "KILL");
            start.ArgumentList.Insert(0, "--pdeathsig");
            start.FileName = Setpriv;
        }

        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        _requests.Add((start, started));
        return started.Task;
    }

    private void Run()
    {
        foreach (var (start, started) in _requests.GetConsumingEnumerable())
        {
            try
            {
                started.SetResult(Process.Start(start)!);
            }
            catch (Exception e)
            {
                started.SetException(e);
            }
        }
    }
}
