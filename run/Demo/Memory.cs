using System.Diagnostics;
using System.Globalization;

namespace Lavka.Run.Demo;

/// <summary>What the runner and the processes it started hold in memory.</summary>
internal static class Memory
{
    /// <summary>The sum of their resident sets in bytes; elsewhere than on Linux, this process's alone.</summary>
    public static long OfThisAndChildren()
    {
        var own = Environment.ProcessId;
        return Process.GetProcesses().Where(process => process.Id == own || ParentOf(process.Id) == own).Sum(process => process.WorkingSet64);
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
