using System.Runtime.InteropServices;

namespace Lavka.Run;

/// <summary>Signals to processes, where there are any (POSIX).</summary>
internal static class Signals
{
    public const int Kill = 9;
    public const int Terminate = 15;
    public const int Continue = 18;
    public const int Stop = 19;

    /// <summary>Sends a signal. The numbers are Linux's; <see cref="Terminate"/> and <see cref="Kill"/> are the same everywhere.</summary>
    /// <returns>Whether there is such a process.</returns>
    public static bool Send(int process, int signal) => !OperatingSystem.IsWindows() && SendTo(process, signal) == 0;

    [DllImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static extern int SendTo(int pid, int signal);
}
