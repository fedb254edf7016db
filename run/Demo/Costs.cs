using System.Globalization;
using System.Text.RegularExpressions;
using Spectre.Console;

namespace Lavka.Run.Demo;

/// <summary>What a shop has taken of its machine and asked of its sidecars.</summary>
/// <param name="Processes">All of the machine, with the processor time that each has taken.</param>
/// <param name="Requests">By the app whose sidecar counted them, and by what was asked.</param>
/// <param name="Flushes">How often the machine's disks were told to make what was written safe; null: the system does not tell.</param>
internal sealed partial record Costs(IReadOnlyDictionary<int, OwnProcesses.Running> Processes, IReadOnlyDictionary<(string App, string What), double> Requests, double? Flushes)
{
    // What takes less than this of the processor is no part of it.
    private const double Noticeable = 0.005;

    private static readonly HttpClient Http = new(new SocketsHttpHandler { UseProxy = false });

    /// <param name="metrics">Where the sidecars' are, by app: several where it has instances.</param>
    public static async Task<Costs> Now(IReadOnlyList<KeyValuePair<string, Uri>> metrics, CancellationToken stop)
    {
        var requests = new Dictionary<(string, string), double>();
        foreach (var (app, address) in metrics)
        {
            foreach (Match line in Line().Matches(await Http.GetStringAsync(address, stop)))
            {
                var label = Id().Replace(line.Groups["label"].Value, "{id}");
                var what = line.Groups["name"].Value == "dapr_http_client_completed_count" ? $"to the app: {label}" : label;
                requests[(app, what)] = requests.GetValueOrDefault((app, what)) + double.Parse(line.Groups["count"].Value, CultureInfo.InvariantCulture);
            }
        }

        return new(OwnProcesses.Everywhere(), requests, FlushesOf());
    }

    public static Costs operator -(Costs after, Costs before) => new(
        after.Processes.ToDictionary(one => one.Key, one => one.Value with { Time = one.Value.Time - (before.Processes.GetValueOrDefault(one.Key)?.Time ?? TimeSpan.Zero) }),
        after.Requests.ToDictionary(one => one.Key, one => one.Value - before.Requests.GetValueOrDefault(one.Key)),
        after.Flushes - before.Flushes);

    /// <summary>Writes what one order cost.</summary>
    public void Write(int orders)
    {
        var own = Processes.GetValueOrDefault(Environment.ProcessId)?.Time.TotalMilliseconds ?? 0;
        var all = Processes.Values.Sum(process => process.Time.TotalMilliseconds);
        var noticed = Processes.Where(one => one.Key != Environment.ProcessId).GroupBy(one => one.Value.Name)
            .Select(group => (Name: group.Key, Time: group.Sum(one => one.Value.Time.TotalMilliseconds), Ids: group.Select(one => one.Key)))
            .Where(group => group.Time > Noticeable * all).OrderByDescending(group => group.Time).ToList();
        AnsiConsole.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"An order takes {noticed.Sum(group => group.Time) / orders:0.0} ms of processor time, and {own / orders:0.0} ms of this client; {Flushes / orders:0.0} flushes of the disk. Memory: {noticed.SelectMany(group => group.Ids).Sum(OwnProcesses.SizeOf) >> 20} MB."));
        var requests = Requests.Where(one => one.Value > 0).ToLookup(one => one.Key.App, one => (one.Key.What, Count: one.Value));
        var table = new Table().Border(TableBorder.Rounded).AddColumns("an order costs", "processor time, ms", "requests to its sidecar", "of the sidecar to it");
        foreach (var (name, time, _) in noticed)
        {
            var asked = requests[name == "node" ? "loyalty" : name.ToLowerInvariant()].ToList();
            table.AddRow(name, string.Create(CultureInfo.InvariantCulture, $"{time / orders:0.00}"),
                Sum(asked.Where(one => !one.What.StartsWith("to the app", StringComparison.Ordinal))), Sum(asked.Where(one => one.What.StartsWith("to the app", StringComparison.Ordinal))));
        }

        AnsiConsole.Write(table);
        foreach (var app in requests)
        {
            AnsiConsole.WriteLine($"{app.Key}: {string.Join(", ", app.OrderByDescending(one => one.Count).Take(12).Select(one => string.Create(CultureInfo.InvariantCulture, $"{one.Count / orders:0.00} {one.What}")))}");
        }

        string Sum(IEnumerable<(string What, double Count)> some) => string.Create(CultureInfo.InvariantCulture, $"{some.Sum(one => one.Count) / orders:0.0}");
    }

    private static double? FlushesOf()
    {
        // Of whole disks: "major minor name", 11 figures of reads and writes, 4 of discards, then the flushes (Linux: Documentation/admin-guide/iostats).
        const int Fields = 19;
        const int FlushField = 18;
        const string Statistics = "/proc/diskstats";
        return File.Exists(Statistics)
            ? File.ReadLines(Statistics).Select(line => line.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Where(fields => fields.Length > Fields && Directory.Exists($"/sys/block/{fields[2]}"))
                .Sum(fields => double.Parse(fields[FlushField], CultureInfo.InvariantCulture))
            : null;
    }

    [GeneratedRegex("""^(?<name>dapr_grpc_io_server_completed_rpcs|dapr_http_server_request_count|dapr_http_client_completed_count)\{[^}]*(grpc_server_method|path)="(?<label>[^"]*)"[^}]*\} (?<count>[0-9.e+]+)""", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex Line();

    [GeneratedRegex("[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")]
    private static partial Regex Id();
}
