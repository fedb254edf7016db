using System.Diagnostics;
using System.Globalization;

namespace Lavka.Run.Demo;

/// <summary>What the runner and the processes it started take of the machine.</summary>
internal static class OwnProcesses
{
    /// <summary>A process.</summary>
    /// <param name="Name">What it runs: <c>Orders</c>, <c>node</c>, <c>daprd</c>; all threads of the system itself are <c>kernel</c>.</param>
    /// <param name="Time">The processor time that it has taken so far.</param>
    internal sealed record Running(string Name, TimeSpan Time);

    /// <summary>
    /// What they hold in memory: the sum of their proportional set sizes in bytes: what several share, such as .NET's own libraries, counts once. Elsewhere than on Linux, this process's resident set alone.
    /// </summary>
    public static long Memory() => All().Sum(process => SizeOf(process.Id));

    /// <summary>The processor time that each has taken so far, by what it runs: <c>Orders</c>, <c>node</c>; the runner's is with that of all sidecars, and of the demo.</summary>
    public static IReadOnlyDictionary<string, TimeSpan> ProcessorTimes() =>
        All().GroupBy(NameOf).ToDictionary(group => group.Key, group => group.Aggregate(TimeSpan.Zero, (sum, process) => sum + process.TotalProcessorTime));

    /// <summary>All processes of the machine, by id.</summary>
    public static IReadOnlyDictionary<int, Running> Everywhere()
    {
        var all = new Dictionary<int, Running>();
        foreach (var process in Process.GetProcesses())
        {
            try
            {
                all[process.Id] = new(NameOf(process), process.TotalProcessorTime);
            }
            catch (Exception e) when (e is InvalidOperationException or System.ComponentModel.Win32Exception)
            {
                // It has ended, or is somebody else's.
            }
        }

        return all;
    }

    /// <summary>The processes that one has started, by what they run.</summary>
    public static IEnumerable<(int Id, string Name)> ChildrenOf(int parent) => Process.GetProcesses().Where(process => ParentOf(process.Id) == parent).Select(process => (process.Id, NameOf(process)));

    private static IEnumerable<Process> All()
    {
        var own = Environment.ProcessId;
        return Process.GetProcesses().Where(process => process.Id == own || ParentOf(process.Id) == own);
    }

    private static string NameOf(Process process)
    {
        if (process.Id == Environment.ProcessId)
        {
            return "runner";
        }

        try
        {
            var command = File.ReadAllText($"/proc/{process.Id}/cmdline");
            return command.Length == 0 ? "kernel"
                : command.Split('\0').FirstOrDefault(argument => argument.EndsWith(".dll", StringComparison.Ordinal)) is { } program ? Path.GetFileNameWithoutExtension(program)
                : process.ProcessName;
        }
        catch (IOException)
        {
            return process.ProcessName;
        }
    }

    /// <summary>What a process holds in memory, as <see cref="Memory"/> counts it; 0: it has ended.</summary>
    public static long SizeOf(int id)
    {
        try
        {
            var line = File.ReadLines($"/proc/{id}/smaps_rollup").First(line => line.StartsWith("Pss:", StringComparison.Ordinal));
            return long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture) << 10;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidOperationException)
        {
            return WorkingSetOf(id);
        }
    }

    private static long WorkingSetOf(int id)
    {
        try
        {
            using var process = Process.GetProcessById(id);
            return process.WorkingSet64;
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            return 0;
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
