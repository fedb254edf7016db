using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Lavka.Run;
using Lavka.Run.Chaos;
using Lavka.Run.Demo;
using Spectre.Console;

var runFile = new Option<string>("--run-file", "-f") { Description = "The Dapr CLI's multi-app run file", DefaultValueFactory = _ => "dapr.yaml" };
var data = new Option<string?>("--data") { Description = "Where databases and the log are kept (default: a folder under your local data)" };
var fresh = new Option<bool>("--fresh") { Description = "Empty the data first" };
var demo = new Option<int?>("--demo") { Description = "Place so many orders of every kind, then audit the shop; exit code 0 only if the audit holds" };
var hotItem = new Option<int?>("--hot-item") { Description = "Measure so many buyers of one product at once" };
var bench = new Option<double?>("--bench") { Description = "Measure for so many seconds, after ten to warm up: orders a second, how long each takes, what it costs" };
var rate = new Option<double?>("--rate") { Description = $"For --bench: place so many orders a second (default: as many as the shop takes, with {Bench.MostOpen} on their way)" };
var metrics = new Option<string[]>("--metrics") { Description = "For --bench on a shop that runs already: a sidecar's metrics, like orders=http://localhost:9091/metrics; may be given again", DefaultValueFactory = _ => [] };
var chaos = new Option<int?>("--chaos") { Description = "Place orders while so many faults come: kills, standstills, events that mean nothing, spoilt ways to the servers; then audit the shop; exit code 0 only if the audit holds" };
var seed = new Option<int?>("--seed") { Description = "For --chaos: chooses the faults; the same number, the same faults (default: another one each time)" };
var resources = new Option<string?>("--resources-path") { Description = "A folder with the components, instead of the run file's" };
var scale = new Option<string[]>("--scale") { Description = "Run several instances of a service: orders=2; may be given again", DefaultValueFactory = _ => [] };
var running = new Option<string?>("--gateway") { Description = "The Gateway of a shop that runs already: --demo, --hot-item and --bench place their orders there, and nothing is started" };
var password = new Option<string?>("--operator-password") { Description = $"The operator's, of the shop that --gateway names (default: {OperatorPassword.Variable}, or what {OperatorPassword.SecretsFile} says)" };
var command = new RootCommand("Runs every service of dapr.yaml with an embedded Dapr sidecar.") { runFile, data, fresh, scale, resources, demo, hotItem, bench, rate, metrics, chaos, seed, running, password };
command.SetAction((arguments, stop) => Told(() =>
{
    var errand = new Errand(arguments.GetValue(demo), arguments.GetValue(hotItem), arguments.GetValue(bench), arguments.GetValue(rate), arguments.GetValue(metrics)!);
    errand.Check();
    var file = arguments.GetValue(runFile)!;
    if (arguments.GetValue(chaos) is { } faults)
    {
        return errand.IsNone && arguments.GetValue(running) is null && faults > 0
            ? Suffer(file, arguments.GetValue(scale)!, PrepareData(arguments.GetValue(data) ?? $"{DefaultData()}-chaos", arguments.GetValue(fresh) || arguments.GetValue(data) is null), arguments.GetValue(resources), faults, arguments.GetValue(seed) ?? Random.Shared.Next(1_000_000), stop)
            : throw new RunException("--chaos takes a whole number from 1, starts a shop of its own, and goes with no other errand.");
    }

    return arguments.GetValue(running) is not { } address
        ? Run(file, arguments.GetValue(resources), arguments.GetValue(scale)!, arguments.GetValue(data) ?? DefaultData(), arguments.GetValue(fresh), errand, stop)
        : arguments.GetValue(fresh) || arguments.GetValue(data) is not null || arguments.GetValue(scale) is not []
            ? throw new RunException("--fresh, --data and --scale are for a shop that is started here; --gateway names one that runs already.")
            : Visit(AddressOf(address), errand, arguments.GetValue(password), stop);
}));

var gateway = new Option<string>("--gateway") { Description = "The Gateway of the running shop", DefaultValueFactory = _ => "http://localhost:8080" };
var service = new Option<string?>("--service") { Description = "Only this service's" };
var one = new Argument<string[]>("service id") { Description = "One dead letter: its service and id, as the list shows them", Arity = new ArgumentArity(0, 2) };
var list = new Command("list", "Lists the dead letters") { gateway, service };
var show = new Command("show", "Shows one dead letter, whole") { gateway, one };
var resend = new Command("resend", "Sends dead letters again: one, all of a service, or all; exit code 0 only if all passed") { gateway, service, one };
list.SetAction((arguments, stop) => OnDeadLetters(arguments, letters => letters.List(arguments.GetValue(service), stop)));
show.SetAction((arguments, stop) => OnDeadLetters(arguments, letters => arguments.GetValue(one) is [var from, var id]
    ? letters.Show(from, id, stop)
    : throw new RunException("Name the dead letter by its service and id: dead-letters show <service> <id>")));
resend.SetAction((arguments, stop) => OnDeadLetters(arguments, letters => arguments.GetValue(one) switch
{
    [var from, var id] => letters.Resend(from, id, stop),
    null or [] => letters.Resend(arguments.GetValue(service), null, stop),
    _ => throw new RunException("Name a dead letter by its service and id: dead-letters resend <service> <id>"),
}));
var deadLetters = new Command("dead-letters", "The events that services of the running shop could not take") { gateway, service, list, show, resend };
deadLetters.SetAction((arguments, stop) => OnDeadLetters(arguments, letters => letters.List(arguments.GetValue(service), stop)));
command.Add(deadLetters);

var topics = new Command("topics", "The topics of the running shop, and how far each consumer group is behind") { runFile, data };
topics.SetAction((arguments, stop) => Told(() => new Topics(RunFile.Load(arguments.GetValue(runFile)!), arguments.GetValue(data) ?? DefaultData()).List(stop)));
command.Add(topics);

if (Console.IsOutputRedirected)
{
    AnsiConsole.Console = AnsiConsole.Create(new() { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Interactive = InteractionSupport.No });
    AnsiConsole.Profile.Width = 160;
}

// The signals are ours: Ctrl-C must end the services in order, not just this process.
return await command.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });

Task<int> OnDeadLetters(ParseResult arguments, Func<DeadLetters, Task<int>> act) =>
    Told(() => act(new(AddressOf(arguments.GetValue(gateway)), OperatorPassword.Email, OperatorPassword.Find())));

static Uri AddressOf(string? gateway) => Uri.TryCreate(gateway, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
    ? address
    : throw new RunException($"The Gateway is '{gateway}'; write it like http://localhost:8080");

// What is wrong is one sentence, and exit code 1.
static async Task<int> Told(Func<Task<int>> act)
{
    try
    {
        return await act();
    }
    catch (RunException e)
    {
        Console.Error.WriteLine(e.Message);
        return 1;
    }
}

static string DefaultData() => Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.Create), "lavka");

// Places orders in a shop that runs already, on whatever it runs.
static async Task<int> Visit(Uri gateway, Errand errand, string? password, CancellationToken stop)
{
    if (errand.IsNone)
    {
        throw new RunException("--gateway names a shop that runs already; say with --demo, --hot-item or --bench what to do there.");
    }

    await new ShopClient(gateway).Greet(stop);
    return await errand.Do(gateway, password ?? OperatorPassword.Find(), startedHere: null, stop);
}

// Starts a shop in a process of its own, since this one has to survive it.
static async Task<int> Suffer(string runFile, string[] scale, string dataPath, string? resources, int faults, int seed, CancellationToken stop)
{
    if (!ChaosShop.IsPossible)
    {
        throw new RunException("--chaos needs Linux, which tells it what the runner has started and lets it stand still.");
    }

    var apps = WithResources(RunFile.Load(runFile), resources);
    var file = Path.GetFullPath(runFile);
    Directory.SetCurrentDirectory(Path.GetDirectoryName(file)!);
    var logs = Directory.CreateDirectory(Path.Combine(dataPath, "logs")).FullName;
    await using var servers = Servers.Start([.. apps.SelectMany(app => app.ResourcesPaths).Distinct()], Path.Combine(dataPath, "components"));
    await using var shop = new ChaosShop(
        apps, ["--run-file", file, "--data", dataPath, "--resources-path", servers.Folder, .. scale.SelectMany(one => new[] { "--scale", one })], dataPath, Path.Combine(logs, "chaos.log"));
    Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{faults} faults, --seed {seed}."));
    var holds = false;
    try
    {
        holds = await new ChaosRun(shop, servers, faults, seed, OperatorPassword.Find()).Run(stop);
        return holds ? 0 : 1;
    }
    finally
    {
        if (!holds)
        {
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Not as it should be: --chaos {faults} --seed {seed}. What the shop said: {logs}; its data: {dataPath}."));
        }
    }
}

static IReadOnlyList<AppSpec> WithResources(IReadOnlyList<AppSpec> apps, string? resources) => resources is null ? apps
    : Directory.Exists(resources) ? [.. apps.Select(app => app with { ResourcesPaths = [Path.GetFullPath(resources)] })]
    : throw new RunException($"The folder '{resources}' of --resources-path does not exist.");

static async Task<int> Run(string runFile, string? resources, string[] scale, string data, bool fresh, Errand errand, CancellationToken outside)
{
    using var interrupted = CancellationTokenSource.CreateLinkedTokenSource(outside);
    using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
    using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
    var apps = Scale.Out(Startable(WithResources(RunFile.Load(runFile), resources)), scale);
    var dataPath = PrepareData(data, fresh);

    // What the demo reads of the repository counts from the run file.
    Directory.SetCurrentDirectory(Path.GetDirectoryName(Path.GetFullPath(runFile))!);
    using var log = new LogWriter([.. apps.Select(app => app.Name), "sidecar"], errand.IsNone ? null : Path.Combine(dataPath, "logs"));
    using var logs = LoggerFactory.Create(builder => builder.AddProvider(new SidecarLogs(log)));
    try
    {
        await using var shop = await Shop.Start(apps, dataPath, errand.Measures, logs, log.Write, interrupted.Token);
        await shop.WaitUntilReady(interrupted.Token);
        PrintTable(shop, dataPath);
        _ = SentMessages.DeleteOld(dataPath, interrupted.Token);
        if (!errand.IsNone)
        {
            return await errand.Do(GatewayOf(apps), OperatorPassword.Find(), shop, interrupted.Token);
        }

        var (appId, failed) = await shop.ShutdownRequested().WaitAsync(interrupted.Token);
        Console.WriteLine($"The sidecar of '{appId}' ends, and everything with it.");
        return failed ? 1 : 0;
    }
    catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
    {
        return errand.IsNone ? 0 : 130;
    }

    void Stop(PosixSignalContext signal)
    {
        signal.Cancel = true;
        interrupted.Cancel();
    }
}

static List<AppSpec> Startable(IReadOnlyList<AppSpec> apps)
{
    var startable = new List<AppSpec>();
    foreach (var app in apps)
    {
        if (Prerequisites.WhatIsMissing(app) is { } missing)
        {
            Console.WriteLine($"{app.AppId} is left out: {missing}");
        }
        else
        {
            startable.Add(app);
        }
    }

    return startable.Count > 0 ? startable : throw new RunException("There is no app left to start.");
}

static string PrepareData(string data, bool fresh)
{
    try
    {
        var path = Path.GetFullPath(data);
        if (fresh && Directory.Exists(path))
        {
            // Only what the sidecars keep there; the folder may be one that has other things in it.
            foreach (var file in new[] { "*.db", "*.db-wal", "*.db-shm", "*.db.lock" }.SelectMany(pattern => Directory.EnumerateFiles(path, pattern)))
            {
                File.Delete(file);
            }

            // What output bindings wrote.
            var sent = SentMessages.FolderOf(path);
            if (Directory.Exists(sent))
            {
                Directory.Delete(sent, recursive: true);
            }
        }

        Directory.CreateDirectory(path);
        return path;
    }
    catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
    {
        throw new RunException($"The data folder '{data}' cannot be used: {e.Message}");
    }
}

static Uri GatewayOf(IReadOnlyList<AppSpec> apps) => apps.FirstOrDefault(app => app.AppId == "gateway")?.AppPort is { } port
    ? new Uri($"http://127.0.0.1:{port}")
    : throw new RunException("The demo needs an app with the appID 'gateway' and an appPort.");

static void PrintTable(Shop shop, string dataPath)
{
    var table = new Table().Border(TableBorder.Rounded).AddColumns("service", "URL", "sidecar", "state");
    foreach (var app in shop.Apps)
    {
        table.AddRow(app.Name, app.AppPort is null ? "" : $"http://localhost:{app.AppPort}", $"http://localhost:{app.HttpPort}", shop.IsReady(app) ? "[green]ready[/]" : "[red]starting[/]");
    }

    AnsiConsole.Write(table);
    var seconds = (DateTime.UtcNow - Process.GetCurrentProcess().StartTime.ToUniversalTime()).TotalSeconds;
    AnsiConsole.MarkupLineInterpolated(CultureInfo.InvariantCulture, $"Ready after {seconds:0.0} s. Data: {dataPath}. Ctrl-C stops everything.");
}
