using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Spectre.Console;

namespace Lavka.Run.Demo;

/// <summary>Measures a running shop under a load of the demo's orders: how many a second, how long each takes, what it costs.</summary>
/// <param name="gateway">The shop's.</param>
/// <param name="operatorPassword">The operator's.</param>
/// <param name="time">How long it is measured, after a warm-up.</param>
/// <param name="rate">
/// So many orders a second, one after the other whatever the shop does: what waits because the shop is slow counts as slow. Null: as many as it takes, with <see cref="MostOpen"/> on their way at a time.
/// </param>
/// <param name="metrics">Where the sidecars' metrics are, by app, of each of its instances; none: requests are not counted.</param>
internal sealed class Bench(Uri gateway, string operatorPassword, TimeSpan time, double? rate, IReadOnlyList<KeyValuePair<string, Uri>> metrics)
{
    /// <summary>Orders that are on their way at a time where no rate is given; those whose payment is slow on purpose are not among them.</summary>
    public const int MostOpen = 256;

    // A cart is one at a time: few of them hold up many orders. Signing in is limited, for all at one address.
    private const int FewSignedIn = 5;
    private const int ManySignedIn = 12;
    private const double ManyOrders = 50;
    private const int Stock = 100_000;
    private static readonly TimeSpan LongestWarmUp = TimeSpan.FromSeconds(10);

    // An order that has not ended so long after the last one did is lost.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly ShopClient _shop = new(gateway);
    private readonly string _run = Guid.NewGuid().ToString("N")[..8];
    private readonly ConcurrentDictionary<string, Milestones> _orders = new();
    private readonly ConcurrentBag<Placed> _placed = [];
    private readonly SemaphoreSlim _open = new(MostOpen);
    private readonly Stopwatch _watch = Stopwatch.StartNew();

    /// <summary>Whether every order ended.</summary>
    public async Task<bool> Run(CancellationToken stop)
    {
        var operators = await _shop.SignIn(OperatorPassword.Email, operatorPassword, stop);
        var people = new Shoppers(await Shoppers.Register(_shop, stop), await Shoppers.SignIn(_shop, rate < ManyOrders ? FewSignedIn : ManySignedIn, stop), operators, await Shoppers.AddProducts(_shop, _run, Stock, stop));
        var orders = new Orders(_shop, _run, people);
        using var done = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var others = Task.WhenAll(orders.Operate(done.Token), Listen(operators, done.Token));

        var warmUp = time < LongestWarmUp ? time : LongestWarmUp;
        AnsiConsole.WriteLine($"{warmUp.TotalSeconds} s to warm up, then {time.TotalSeconds} s measured"
            + (rate is null ? $", with {MostOpen} orders on their way." : string.Create(CultureInfo.InvariantCulture, $", at {rate} orders a second.")));
        using var window = new CancellationTokenSource();
        var placing = PlaceAll(orders, people.Catalog, window.Token, stop);
        await Task.WhenAny(placing, others, Task.Delay(warmUp, stop));
        var before = await Costs.Now(metrics, stop);
        var from = _watch.Elapsed;
        await Task.WhenAny(placing, others, Task.Delay(time, stop));
        var after = await Costs.Now(metrics, stop);
        var to = _watch.Elapsed;
        await window.CancelAsync();

        // What nobody listens to would never end here.
        await await Task.WhenAny(placing, others);
        var open = await WaitForAll(stop);
        await done.CancelAsync();
        await others.ContinueWith(_ => { }, TaskScheduler.Default);
        stop.ThrowIfCancellationRequested();
        Report(from, to, after - before, open);
        return open == 0;
    }

    private async Task PlaceAll(Orders orders, Catalog catalog, CancellationToken ended, CancellationToken stop)
    {
        var (start, running) = (_watch.Elapsed, new List<Task>());
        for (var i = 0; !ended.IsCancellationRequested; i++)
        {
            var scheduled = _watch.Elapsed;
            if (rate is { } perSecond)
            {
                scheduled = start + TimeSpan.FromSeconds(i / perSecond);
                if (scheduled - _watch.Elapsed is { Ticks: > 0 } early)
                {
                    await Task.Delay(early, stop);
                }
            }
            else
            {
                await _open.WaitAsync(stop);
            }

            running.Add(Place(i, scheduled));
        }

        await Task.WhenAll(running);

        async Task Place(int i, TimeSpan scheduled)
        {
            var placed = await Task.Run(() => orders.Place(i, stop), stop);
            var milestones = _orders.GetOrAdd(placed.Id, id => new(id));
            var isSlow = catalog.IsSlow(placed);
            _placed.Add(new(scheduled, _watch.Elapsed, Orders.IsOneRequest(i) && !isSlow, milestones));
            if (rate is null)
            {
                _ = (isSlow ? Task.CompletedTask : milestones.Ended).ContinueWith(_ => _open.Release(), TaskScheduler.Default);
            }
        }
    }

    /// <summary>Notes when orders are paid and when they end, as the shop tells it.</summary>
    private async Task Listen(Session operators, CancellationToken stop)
    {
        await foreach (var (type, data) in _shop.Events(operators, stop))
        {
            if (type.StartsWith("order.", StringComparison.Ordinal))
            {
                _orders.GetOrAdd(data.GetProperty("orderId").GetString()!, id => new(id)).Note(type, _watch.Elapsed);
            }
        }
    }

    /// <summary>How many have not ended when none has for so long that patience ends.</summary>
    private async Task<int> WaitForAll(CancellationToken stop)
    {
        var (open, watch) = (int.MaxValue, Stopwatch.StartNew());
        while (open > 0 && watch.Elapsed < Patience)
        {
            var now = _placed.Count(one => one.Order.EndedAt is null);
            if (now < open)
            {
                (open, watch) = (now, Stopwatch.StartNew());
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200), stop);
        }

        return open;
    }

    private void Report(TimeSpan from, TimeSpan to, Costs costs, int open)
    {
        var ended = _placed.Count(one => one.Order.EndedAt >= from && one.Order.EndedAt < to);
        var times = _placed.Where(one => one.Scheduled >= from && one.Scheduled < to && one.Tells).ToList();
        AnsiConsole.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{ended / (to - from).TotalSeconds:0} orders a second."));
        var table = new Table().Border(TableBorder.Rounded).AddColumns("from the order until it is", "p50", "p99");
        AddTimes("accepted", one => one.Accepted);
        AddTimes("paid", one => one.Order.PaidAt);
        AddTimes("at its end", one => one.Order.EndedAt);
        AnsiConsole.Write(table);
        costs.Write(ended);
        var slowest = _placed.MaxBy(one => (one.Order.EndedAt ?? TimeSpan.MaxValue) - one.Scheduled)!;
        AnsiConsole.WriteLine((open == 0 ? $"All {_placed.Count} orders have ended" : $"{open} of {_placed.Count} orders have not ended")
            + string.Create(CultureInfo.InvariantCulture, $"; the slowest is {slowest.Order.Id}{(slowest.Order.EndedAt is { } at ? $", after {(at - slowest.Scheduled).TotalSeconds:0.0} s" : "")}."));

        void AddTimes(string what, Func<Placed, TimeSpan?> at)
        {
            var sorted = times.Select(one => at(one) - one.Scheduled).OfType<TimeSpan>().Order().ToList();
            table.AddRow([what, .. new[] { 50, 99 }.Select(percent => sorted.Count == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"{sorted[(sorted.Count - 1) * percent / 100].TotalSeconds:0.00} s"))]);
        }
    }

    /// <summary>An order that was placed.</summary>
    /// <param name="Scheduled">When it was to be placed.</param>
    /// <param name="Accepted">When the shop had answered.</param>
    /// <param name="Tells">Whether its times say how quick the shop is: it is one request, and nothing about it is slow on purpose.</param>
    private sealed record Placed(TimeSpan Scheduled, TimeSpan Accepted, bool Tells, Milestones Order);

    /// <summary>When what became of an order.</summary>
    private sealed class Milestones(string id)
    {
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string Id => id;

        public TimeSpan? PaidAt { get; private set; }

        public TimeSpan? EndedAt { get; private set; }

        public Task Ended => _ended.Task;

        public void Note(string type, TimeSpan at)
        {
            switch (type)
            {
                case "order.paid":
                    PaidAt ??= at;
                    break;
                case "order.delivered" or "order.cancelled" or "order.returned":
                    EndedAt ??= at;
                    _ended.TrySetResult();
                    break;
            }
        }
    }
}
