using System.Diagnostics;
using System.Globalization;

namespace Lavka.Run.Demo;

/// <summary>What the runner and the processes it started hold in memory.</summary>
internal static class Memory
{
    /// <summary>
    /// The sum of their proportional set sizes in bytes: what several share, such as .NET's own libraries, counts once. Elsewhere than on Linux, this process's resident set alone.
    /// </summary>
    public static long OfThisAndChildren()
    {
        var own = Environment.ProcessId;
        return Process.GetProcesses().Where(process => process.Id == own || ParentOf(process.Id) == own).Sum(SizeOf);
    }

    private static long SizeOf(Process process)
    {
        try
        {
            var line = File.ReadLines($"/proc/{process.Id}/smaps_rollup").First(line => line.StartsWith("Pss:", StringComparison.Ordinal));
            return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) << 10;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            return process.WorkingSet64;
        }
    }

    private static int ParentOf(int pid)
    {
        try
        {
            // "pid (name) state parent ...": the name may hold anything.
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            return int.Parse(stat[(stat.LastIndexOf(')') + 2)..].Split(' ')[1], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0;
        }
    }
}
