using System.Collections.Concurrent;
using System.Diagnostics;

namespace Lavka.Testing;

/// <summary>
/// Starts processes that do not outlive the test run, not even when it is killed: on Linux the kernel ends them (<c>setpriv --pdeathsig</c>). The kernel watches
/// the thread that started them, so one thread, which lives as long as the run, starts them all.
/// </summary>
internal static class ChildProcess
{
    private const string Setpriv = "/usr/bin/setpriv";

    private static readonly BlockingCollection<(ProcessStartInfo Start, TaskCompletionSource<Process> Started)> Requests = Watched();

    /// <exception cref="System.ComponentModel.Win32Exception">There is no such program.</exception>
    public static Task<Process> Start(ProcessStartInfo start)
    {
        if (OperatingSystem.IsLinux() && File.Exists(Setpriv))
        {
            start.ArgumentList.Insert(0, start.FileName);
            start.ArgumentList.Insert(0, "KILL");
            start.ArgumentList.Insert(0, "--pdeathsig");
            start.FileName = Setpriv;
        }

        var started = new TaskCompletionSource<Process>(TaskCreationOptions.RunContinuationsAsynchronously);
        Requests.Add((start, started));
        return started.Task;
    }

    private static BlockingCollection<(ProcessStartInfo Start, TaskCompletionSource<Process> Started)> Watched()
    {
        var requests = new BlockingCollection<(ProcessStartInfo Start, TaskCompletionSource<Process> Started)>();
        new Thread(() => Run(requests)) { IsBackground = true, Name = "child processes" }.Start();
        return requests;
    }

    private static void Run(BlockingCollection<(ProcessStartInfo Start, TaskCompletionSource<Process> Started)> requests)
    {
        foreach (var (start, started) in requests.GetConsumingEnumerable())
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
