using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Lavka.Run.Demo;
using Spectre.Console;

namespace Lavka.Run.Chaos;

/// <summary>
/// Places the demo's orders while faults come, one after the other and some at once, chosen by a seeded generator; then audits the shop. The same seed chooses the same faults; what they meet is the
/// machine's to say.
/// </summary>
internal sealed class ChaosRun(ChaosShop shop, Servers servers, int faults, int seed, string password)
{
    private const int Clients = 4;
    private const int SignedIn = 5;

    // Orders that come while one fault is looked at, at most: so much stock there must be.
    private const int MostOrdersAFault = 150;

    // One of so many faults comes while the one before it goes on.
    private const int Overlap = 4;
    private const int LongestPause = 500;
    private static readonly TimeSpan BetweenOrders = TimeSpan.FromMilliseconds(250);

    // After the longest fault, and what it takes to notice its end.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly ShopClient _shop = new(shop.Gateway);
    private readonly string _run = Guid.NewGuid().ToString("N")[..8];
    private readonly ConcurrentDictionary<string, ConcurrentBag<TimeSpan>> _recoveries = new();
    private long _accepted;
    private int _placed;

    /// <summary>Whether the audit holds.</summary>
    /// <exception cref="RunException">The shop does not come back.</exception>
    public async Task<bool> Run(CancellationToken stop)
    {
        await shop.Start();
        await shop.WaitUntilReady(stop);
        var kinds = new Faults(shop, servers);
        var operators = await _shop.SignIn(OperatorPassword.Email, password, stop);
        var people = new Shoppers(
            await Shoppers.Register(_shop, stop), await Shoppers.SignIn(_shop, SignedIn, stop), operators, await Shoppers.AddProducts(_shop, _run, faults * MostOrdersAFault, stop));
        var orders = new Orders(_shop, _run, people);
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var placing = Task.WhenAll(Enumerable.Range(0, Clients).Select(_ => PlaceAll(orders, enough.Token)));
        using var done = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var operating = orders.Operate(done.Token);
        var watch = Stopwatch.StartNew();
        await Inject(kinds, Task.WhenAny(placing, operating), stop);
        var elapsed = watch.Elapsed;
        await enough.CancelAsync();
        await placing;
        await shop.WaitUntilReady(stop);
        var hasLoyalty = shop.Services().Any(service => service.Name == "node");
        var findings = await new Audit(_shop, operators, hasLoyalty).All(stop);
        await done.CancelAsync();
        await operating.ContinueWith(_ => { }, TaskScheduler.Default);
        Report(elapsed);
        return Audit.Show([.. findings, await DeadLetters(operators, kinds.Poisoned, stop)]);
    }

    private async Task PlaceAll(Orders orders, CancellationToken enough)
    {
        while (!enough.IsCancellationRequested)
        {
            // One that has begun is seen through.
            await orders.Place(Interlocked.Increment(ref _placed), CancellationToken.None);
            Interlocked.Increment(ref _accepted);
            await Task.Delay(BetweenOrders, CancellationToken.None);
        }
    }

    private async Task Inject(Faults kinds, Task<Task> clients, CancellationToken stop)
    {
        var random = new Random(seed);
        var all = kinds.All;
        var lots = all.SelectMany(fault => Enumerable.Repeat(fault, fault.Weight)).ToList();
        var going = new List<Task>();
        await AnsiConsole.Progress().StartAsync(async progress =>
        {
            var bar = progress.AddTask("faults", maxValue: faults);
            for (var i = 0; i < faults; i++)
            {
                var fault = lots[random.Next(lots.Count)];
                var (own, pause, overlaps) = (new Random(random.Next()), random.Next(LongestPause), random.Next(Overlap) == 0);
                var injected = Suffer(fault, own, stop);
                going.Add(injected);
                if (!overlaps)
                {
                    // An order that cannot be placed, or a fault that cannot be made, ends the run.
                    var over = Task.WhenAll(going);
                    await (await Task.WhenAny(over, clients) == over ? over : await clients);
                    going.Clear();
                }

                await Task.Delay(pause, stop);
                bar.Increment(1);
            }

            await Task.WhenAll(going);
        });
    }

    /// <summary>A fault, until an order is accepted that was placed after it.</summary>
    private async Task Suffer(Fault fault, Random random, CancellationToken stop)
    {
        await fault.Inject(random, stop);
        var (watch, before) = (Stopwatch.StartNew(), Interlocked.Read(ref _accepted));

        // Each client may have been answered before.
        while (Interlocked.Read(ref _accepted) <= before + Clients)
        {
            if (watch.Elapsed > Patience)
            {
                throw new RunException(string.Create(CultureInfo.InvariantCulture, $"{Patience.TotalMinutes} minutes after the fault '{fault.Name}' no order is accepted."));
            }

            await Task.Delay(20, stop);
        }

        _recoveries.GetOrAdd(fault.Name, _ => []).Add(watch.Elapsed);
    }

    /// <summary>Whoever is refused for ever is known: nothing but what means nothing.</summary>
    private async Task<Finding> DeadLetters(Session operators, int poisoned, CancellationToken stop)
    {
        var letters = (await _shop.Ask<JsonElement>(operators, HttpMethod.Get, "/v2/admin/dead-letters", null, null, stop)).GetProperty("items").EnumerateArray().ToList();
        var wrong = letters.Where(letter => !letter.GetRawText().Contains(Faults.Poison, StringComparison.Ordinal)).Select(letter => letter.GetRawText()).ToList();
        return new("nothing is a dead letter but what means nothing", wrong.Count == 0, $"{poisoned} events that mean nothing, {letters.Count} dead letters" + string.Concat(wrong.Take(2).Select(text => $"; {text}")));
    }

    private void Report(TimeSpan elapsed)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumns("fault", "times", "orders accepted again after (p50)", "(longest)");
        foreach (var (name, times) in _recoveries.Select(one => (one.Key, one.Value.Order().ToList())).OrderByDescending(one => one.Item2.Count).ThenBy(one => one.Key, StringComparer.Ordinal))
        {
            table.AddRow(Markup.Escape(name), Text(times.Count, "0"), Text(times[times.Count / 2].TotalSeconds, "0.0 s"), Text(times[^1].TotalSeconds, "0.0 s"));
        }

        AnsiConsole.Write(table);
        AnsiConsole.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{faults} faults with seed {seed} in {elapsed.TotalMinutes:0.0} minutes, while {_placed} orders were placed."));

        static string Text(double number, string format) => number.ToString(format.Replace(" s", "' s'", StringComparison.Ordinal), CultureInfo.InvariantCulture);
    }
}
