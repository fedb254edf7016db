using System.CommandLine;
using System.Globalization;
using Lavka.Bench;

var seconds = new Option<double>("--seconds") { Description = "How long each measurement lasts", DefaultValueFactory = _ => 4 };
var rounds = new Option<int>("--rounds") { Description = "How often everything is measured; the median counts", DefaultValueFactory = _ => 3 };
var workers = new Option<int>("--workers") { Description = "How many callers there are at once", DefaultValueFactory = _ => 16 };
var state = new Option<string>("--state") { Description = "The type of the state store", DefaultValueFactory = _ => "state.in-memory" };
var only = new Option<string[]>("--ops") { Description = "Only these operations", AllowMultipleArgumentsPerToken = true };
var sidecars = new Argument<string[]>("label=command") { Description = "Programs with daprd's command line", Arity = ArgumentArity.OneOrMore };
var command = new RootCommand("Loads sidecars through Dapr's .NET client over gRPC, in turn, and prints calls a second, latencies and CPU a call.") { seconds, rounds, workers, state, only, sidecars };
command.SetAction(async (arguments, cancellationToken) =>
{
    await using var app = await EchoApp.Start();
    var measured = new List<(SidecarUnderLoad Sidecar, Dictionary<string, List<Measurement>> Results)>();
    try
    {
        foreach (var text in arguments.GetValue(sidecars)!)
        {
            if (text.Split('=', 2) is not [var label, var program])
            {
                throw new FormatException($"'{text}' is not written like embedded=\"dotnet sidecar.dll\".");
            }

            measured.Add((await SidecarUnderLoad.Start(label, program, arguments.GetValue(state)!, app, cancellationToken), []));
        }

        var operations = Operations.All.Where(operation => arguments.GetValue(only) is not { Length: > 0 } names || names.Contains(operation.Name)).ToList();
        var load = new Load(arguments.GetValue(workers), TimeSpan.FromSeconds(arguments.GetValue(seconds)));
        for (var round = 0; round < arguments.GetValue(rounds); round++)
        {
            foreach (var operation in operations)
            {
                foreach (var (sidecar, results) in measured)
                {
                    if (round == 0)
                    {
                        await (load with { Duration = TimeSpan.FromSeconds(2) }).Measure(sidecar, operation, cancellationToken);
                    }

                    results.TryAdd(operation.Name, []);
                    results[operation.Name].Add(await load.Measure(sidecar, operation, cancellationToken));
                }
            }
        }

        Print(operations, measured);
        return 0;
    }
    finally
    {
        foreach (var (sidecar, _) in measured)
        {
            await sidecar.DisposeAsync();
        }
    }
});
return await command.Parse(args).InvokeAsync();

static void Print(List<Operation> operations, List<(SidecarUnderLoad Sidecar, Dictionary<string, List<Measurement>> Results)> measured)
{
    foreach (var (sidecar, _) in measured)
    {
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{sidecar.Label}: {sidecar.Megabytes} MB after the load"));
    }

    Console.WriteLine($"{"operation",-14}{string.Concat(measured.Select(one => $"{one.Sidecar.Label,12} calls/s   p50 ms   p99 ms  cpu us/call   ratio"))}");
    foreach (var operation in operations)
    {
        var first = Median(measured[0].Results[operation.Name], one => one.PerSecond);
        Console.WriteLine($"{operation.Name,-14}" + string.Concat(measured.Select(one =>
        {
            var results = one.Results[operation.Name];
            var perSecond = Median(results, result => result.PerSecond);
            return string.Create(CultureInfo.InvariantCulture,
                $"{perSecond,20:0}{Median(results, result => result.P50),9:0.00}{Median(results, result => result.P99),9:0.00}{Median(results, result => result.CpuMicroseconds),13:0}{perSecond / first,8:0.00}");
        })));
    }
}

static double Median(List<Measurement> results, Func<Measurement, double> of) => results.Select(of).Order().ElementAt(results.Count / 2);
