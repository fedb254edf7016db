using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Spectre.Console;

namespace Lavka.Run.Demo;

/// <summary>Places orders of every kind, waits until each is delivered or cancelled, and audits the shop.</summary>
internal sealed class DemoRun(Uri gateway, int orders)
{
    private const int Users = 50;
    private const int Products = 20;
    private const int Clients = 16;
    private const int SeveralLines = 3;

    // Above what the simulated payment provider takes.
    private const decimal TooExpensive = 6000;
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    private readonly ShopClient _shop = new(gateway);
    private readonly string _run = Guid.NewGuid().ToString("N")[..8];
    private readonly ConcurrentDictionary<string, Order> _placed = new();

    private sealed record Catalog(IReadOnlyList<Product> Plenty, Product Scarce, Product Expensive);

    /// <summary>Whether the audit holds.</summary>
    public async Task<bool> Run(CancellationToken stop)
    {
        var users = await Seed(Users, i => _shop.Register($"demo-{i:00}@example.com", $"Demo {i:00}", stop), stop);
        var catalog = await SeedCatalog(stop);
        var watch = Stopwatch.StartNew();
        var first = await _shop.Place(users[0].Id, [new(catalog.Plenty[0].Id, 1)], $"{_run}-first", stop);
        while ((await _shop.Find<Order>($"/v1/orders/{first.Id}", stop))?.Status != "delivered")
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), stop);
        }

        var firstDelivered = watch.Elapsed;
        AnsiConsole.MarkupLineInterpolated(CultureInfo.InvariantCulture, $"The first order was delivered {firstDelivered.TotalSeconds:0.00} s after it was placed, {(DateTime.UtcNow - Process.GetCurrentProcess().StartTime.ToUniversalTime()).TotalSeconds:0.0} s after the start.");
        watch.Restart();
        List<Order> finished = [];
        await AnsiConsole.Progress().StartAsync(async progress =>
        {
            var placing = progress.AddTask("orders placed", maxValue: orders);
            var finishing = progress.AddTask("orders finished", maxValue: orders);
            var all = PlaceAll(users, catalog, () => placing.Increment(1), stop);
            finished = await WaitForAll(all, count => finishing.Value = count, stop);
        });
        Report(finished, watch.Elapsed);
        return await Audited(stop);
    }

    private static async Task<T[]> Seed<T>(int count, Func<int, Task<T>> make, CancellationToken stop)
    {
        var made = new T[count];
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = Clients, CancellationToken = stop }, async (i, _) => made[i] = await make(i + 1));
        return made;
    }

    private async Task<Catalog> SeedCatalog(CancellationToken stop)
    {
        // Enough of most, so that stock is not what decides; of one too little, so that it is.
        var plenty = await Seed(Products, i => _shop.Add($"Demo product {i:00} ({_run})", 5 + (i * 2.5m), Math.Min(9_000, 100 + orders), stop), stop);
        return new(plenty, await _shop.Add($"Demo scarce product ({_run})", 20, Math.Max(1, orders / 50), stop), await _shop.Add($"Demo expensive product ({_run})", TooExpensive, orders, stop));
    }

    private Task PlaceAll(User[] users, Catalog catalog, Action placed, CancellationToken stop) =>
        Parallel.ForAsync(0, orders, new ParallelOptions { MaxDegreeOfParallelism = Clients, CancellationToken = stop }, async (i, token) =>
        {
            var (user, key, items) = (users[i % users.Length].Id, $"{_run}-{i}", ItemsOf(i, catalog));
            var order = await _shop.Place(user, items, key, token);
            if (Kind(i) == 9)
            {
                var repeated = await _shop.Place(user, items, key, token);
                order = repeated.Id == order.Id ? order : throw new RunException($"A repeated request made a second order: {order.Id} and {repeated.Id}.");
            }

            _placed[order.Id] = order;
            placed();
        });

    private static int Kind(int i) => i % 10;

    private static List<Item> ItemsOf(int i, Catalog catalog) => Kind(i) switch
    {
        5 or 6 => [.. Enumerable.Range(i, SeveralLines).Select(n => new Item(catalog.Plenty[n % Products].Id, 1 + (n % 2)))],
        4 => [new(catalog.Scarce.Id, 1)],
        7 => [new(catalog.Plenty[i % Products].Id, 10_000)],
        8 => [new(catalog.Expensive.Id, 1)],
        _ => [new(catalog.Plenty[i % Products].Id, 1, catalog.Plenty[i % Products].Price)],
    };

    /// <summary>Waits until every order that is placed is finished. Users all of whose orders are finished are not asked again.</summary>
    private async Task<List<Order>> WaitForAll(Task placing, Action<int> finished, CancellationToken stop)
    {
        var done = new ConcurrentDictionary<string, Order>();
        while (!placing.IsCompleted || done.Count < _placed.Count)
        {
            var open = _placed.Values.Where(order => !done.ContainsKey(order.Id)).Select(order => order.UserId).Distinct().ToList();
            if (placing.IsCompleted)
            {
                await placing;
                await Parallel.ForEachAsync(open, new ParallelOptions { MaxDegreeOfParallelism = 4, CancellationToken = stop }, async (user, token) =>
                {
                    foreach (var order in (await _shop.All<Order>($"/v1/users/{user}/orders", token)).Where(order => order.IsFinished && _placed.ContainsKey(order.Id)))
                    {
                        done[order.Id] = order;
                    }
                });
                finished(done.Count);
            }

            await Task.Delay(Poll, stop);
        }

        await placing;
        return [.. done.Values];
    }

    private void Report(List<Order> finished, TimeSpan elapsed)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumns("orders", "became");
        foreach (var status in finished.GroupBy(order => order.Status).OrderByDescending(group => group.Count()))
        {
            table.AddRow(status.Count().ToString(CultureInfo.InvariantCulture), status.Key);
        }

        AnsiConsole.Write(table);
        AnsiConsole.MarkupLineInterpolated(CultureInfo.InvariantCulture,
            $"{orders} orders went through the whole saga in {elapsed.TotalSeconds:0.0} s: {orders / elapsed.TotalSeconds:0} a second. Memory of all processes together: {Memory.OfThisAndChildren() >> 20} MB.");
    }

    private async Task<bool> Audited(CancellationToken stop)
    {
        var audit = new Audit(_shop);
        var findings = await audit.Settle(stop);
        var table = new Table().Border(TableBorder.Rounded).AddColumns("audit", "", "");
        foreach (var finding in findings)
        {
            table.AddRow(new Markup(Markup.Escape(finding.Rule)), new Markup(finding.Holds ? "[green]holds[/]" : "[red]BROKEN[/]"), new Markup(Markup.Escape(finding.Detail)));
        }

        AnsiConsole.Write(table);
        return findings.All(finding => finding.Holds);
    }
}
