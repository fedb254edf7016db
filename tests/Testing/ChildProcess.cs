using System.Diagnostics;
using Lavka.Run;

namespace Lavka.Testing;

/// <summary>Starts processes that do not outlive the test run, not even when it is killed, as the runner starts its services.</summary>
public static class ChildProcess
{
    private static readonly ProcessStarter Starter = new();

    /// <exception cref="System.ComponentModel.Win32Exception">There is no such program.</exception>
    public static Task<Process> Start(ProcessStartInfo start) => Starter.Start(start);

    /// <summary>Ends it and what it has started with -9; completes when it is gone.</summary>
    public static async Task Kill(Process process)
    {
        process.Kill(entireProcessTree: true);
        await process.WaitForExitAsync();
        process.Dispose();
    }
}
