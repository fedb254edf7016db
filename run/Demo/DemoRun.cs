using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Spectre.Console;

namespace Lavka.Run.Demo;

/// <summary>Places orders of every kind, waits until each is delivered or cancelled, and audits the shop.</summary>
/// <param name="operatorPassword">The operator's.</param>
/// <param name="startedHere">The apps, where this runner has started the shop; null: it runs elsewhere, and its Gateway is all that is known of it.</param>
internal sealed class DemoRun(Uri gateway, int orders, string operatorPassword, IReadOnlyList<AppSpec>? startedHere)
{
    private const int SignedIn = 5;

    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(100);

    private readonly ShopClient _shop = new(gateway);
    private readonly string _run = Guid.NewGuid().ToString("N")[..8];
    private readonly ConcurrentDictionary<string, Order> _placed = new();

    /// <summary>Whether the audit holds.</summary>
    public async Task<bool> Run(CancellationToken stop)
    {
        // Elsewhere the password may be a wrong one, and then nothing is to be left behind. Here it is not asked for before the first order: signing in is slow on purpose.
        var operators = startedHere is null ? await _shop.SignIn(OperatorPassword.Email, operatorPassword, stop) : null;
        var users = await Shoppers.Register(_shop, stop);
        var catalog = await Shoppers.AddProducts(_shop, _run, orders, stop);
        var watch = Stopwatch.StartNew();
        var first = await _shop.Place(users[0].Id, [new(catalog.Plenty[0].Id, 1)], $"{_run}-first", stop);
        while ((await _shop.Find<Order>($"/v1/orders/{first.Id}", stop))?.Status != "delivered")
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), stop);
        }

        var firstDelivered = watch.Elapsed;
        var sinceStart = DateTime.UtcNow - Process.GetCurrentProcess().StartTime.ToUniversalTime();
        AnsiConsole.WriteLine(string.Create(CultureInfo.InvariantCulture, $"The first order was delivered {firstDelivered.TotalSeconds:0.00} s after it was placed")
            + (startedHere is null ? "." : string.Create(CultureInfo.InvariantCulture, $", {sinceStart.TotalSeconds:0.0} s after the start.")));

        operators ??= await _shop.SignIn(OperatorPassword.Email, operatorPassword, stop);
        var kinds = new Orders(_shop, _run, new(users, await Shoppers.SignIn(_shop, SignedIn, stop), operators, catalog));
        var before = OwnProcesses.ProcessorTimes();
        watch.Restart();
        List<Order> finished = [];
        await AnsiConsole.Progress().StartAsync(async progress =>
        {
            var placing = progress.AddTask("orders placed", maxValue: orders);
            var finishing = progress.AddTask("orders finished", maxValue: orders);
            using var done = CancellationTokenSource.CreateLinkedTokenSource(stop);
            var operating = kinds.Operate(done.Token);
            var all = PlaceAll(kinds, () => placing.Increment(1), stop);
            finished = await WaitForAll(all, count => finishing.Value = count, stop);
            await done.CancelAsync();
            await operating.ContinueWith(_ => { }, TaskScheduler.Default);
        });
        var (elapsed, after) = (watch.Elapsed, OwnProcesses.ProcessorTimes());
        Report(finished, elapsed, after.ToDictionary(one => one.Key, one => (one.Value - before.GetValueOrDefault(one.Key)) / orders), await TimesToPaid(finished, catalog, operators, stop));
        return await Audited(operators, stop);
    }

    private Task PlaceAll(Orders kinds, Action placed, CancellationToken stop) =>
        Parallel.ForAsync(0, orders, new ParallelOptions { MaxDegreeOfParallelism = Shoppers.Clients, CancellationToken = stop }, async (i, token) =>
        {
            var order = await kinds.Place(i, token);
            _placed[order.Id] = order;
            placed();
        });

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

    /// <summary>From the order to its payment, shortest first: of the orders whose payment nobody makes slow on purpose.</summary>
    private async Task<List<TimeSpan>> TimesToPaid(List<Order> finished, Catalog catalog, Session operators, CancellationToken stop)
    {
        var times = new ConcurrentBag<TimeSpan>();
        await Parallel.ForEachAsync(finished.Where(order => !catalog.IsSlow(order)), new ParallelOptions { MaxDegreeOfParallelism = Shoppers.Clients, CancellationToken = stop }, async (order, token) =>
        {
            var changes = (await _shop.Ask<History>(operators, HttpMethod.Get, $"/v2/orders/{order.Id}/history", null, null, token)).Changes;
            if (changes.FirstOrDefault(change => change.Status == "paid") is { } paid)
            {
                times.Add(paid.At - changes[0].At);
            }
        });
        return [.. times.Order()];
    }

    private void Report(List<Order> finished, TimeSpan elapsed, IReadOnlyDictionary<string, TimeSpan> processorTimes, List<TimeSpan> timesToPaid)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumns("orders", "became");
        foreach (var status in finished.GroupBy(order => order.Status).OrderByDescending(group => group.Count()))
        {
            table.AddRow(status.Count().ToString(CultureInfo.InvariantCulture), status.Key);
        }

        AnsiConsole.Write(table);
        AnsiConsole.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{orders} orders went through the whole saga in {elapsed.TotalSeconds:0.0} s: {orders / elapsed.TotalSeconds:0} a second; from order to paid {Percentile(50):0.00} s (p50), {Percentile(99):0.00} s (p99).")
            + (startedHere is null ? "" : $" Memory of all processes together: {OwnProcesses.Memory() >> 20} MB."));
        if (startedHere is not null)
        {
            var parts = processorTimes.OrderByDescending(one => one.Value).Select(one => string.Create(CultureInfo.InvariantCulture, $"{one.Key} {one.Value.TotalMilliseconds:0.0}"));
            AnsiConsole.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Processor time an order: {processorTimes.Values.Sum(time => time.TotalMilliseconds):0.0} ms ({string.Join(", ", parts)})."));
        }

        double Percentile(int percent) => timesToPaid.Count == 0 ? 0 : timesToPaid[(timesToPaid.Count - 1) * percent / 100].TotalSeconds;
    }

    private async Task<bool> Audited(Session operators, CancellationToken stop)
    {
        var hasLoyalty = startedHere?.Any(app => app.AppId == "loyalty") ?? await _shop.Answers(operators, $"/v2/users/{_placed.Values.First().UserId}/points", stop);
        if (!hasLoyalty)
        {
            AnsiConsole.WriteLine("Loyalty does not run; points are not audited.");
        }

        return Audit.Show(await new Audit(_shop, operators, hasLoyalty).All(stop));
    }
}
