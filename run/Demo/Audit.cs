using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Spectre.Console;

namespace Lavka.Run.Demo;

/// <summary>Whether one rule of the shop holds, and the figures.</summary>
internal sealed record Finding(string Rule, bool Holds, string Detail);

/// <summary>Looks at the whole shop, not only at this run's orders, and checks that nothing was lost and nothing happened twice.</summary>
internal sealed class Audit(ShopClient shop, Session operators, bool hasLoyalty)
{
    // The last steps after an order is delivered (its message, its pieces counted as sold) need a moment, and longer after a kill. As long as something moves, there is hope.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly ParallelOptions Concurrency = new() { MaxDegreeOfParallelism = 16 };

    /// <summary>The findings once all hold, or as they are when nothing has changed for so long that patience ends.</summary>
    private async Task<IReadOnlyList<Finding>> Settle(CancellationToken stop)
    {
        var (watch, before) = (Stopwatch.StartNew(), (IReadOnlyList<Finding>)[]);
        while (true)
        {
            var findings = await Look(stop);
            if (!findings.SequenceEqual(before))
            {
                (before, watch) = (findings, Stopwatch.StartNew());
            }

            if (findings.All(finding => finding.Holds) || watch.Elapsed > Patience)
            {
                return findings;
            }

            await Task.Delay(TimeSpan.FromSeconds(1), stop);
        }
    }

    /// <summary>The findings of <see cref="Settle"/>, and, if they hold, of what takes longer to look at.</summary>
    public async Task<IReadOnlyList<Finding>> All(CancellationToken stop)
    {
        var findings = await Settle(stop);
        return findings.All(finding => finding.Holds) ? [.. findings, await InOrder(stop), await Rebuild(stop)] : findings;
    }

    /// <summary>Shows findings.</summary>
    /// <returns>Whether all hold.</returns>
    public static bool Show(IReadOnlyList<Finding> findings)
    {
        var table = new Table().Border(TableBorder.Rounded).AddColumns("audit", "", "");
        foreach (var finding in findings)
        {
            table.AddRow(new Markup(Markup.Escape(finding.Rule)), new Markup(finding.Holds ? "[green]holds[/]" : "[red]BROKEN[/]"), new Markup(Markup.Escape(finding.Detail)));
        }

        AnsiConsole.Write(table);
        return findings.All(finding => finding.Holds);
    }

    private async Task<IReadOnlyList<Finding>> Look(CancellationToken stop)
    {
        var users = await shop.All<User>("/v1/users", stop);
        var orders = (await ForAll(users, user => shop.All<Order>($"/v1/users/{user.Id}/orders", stop))).SelectMany(list => list).ToList();
        var messages = (await ForAll(users, user => shop.All<Message>($"/v1/users/{user.Id}/messages", stop))).SelectMany(list => list).ToList();
        var payments = await ForAll(orders, order => shop.Find<Payment>($"/v1/payments/{order.Id}", stop));
        var shipments = await ForAll(orders, order => shop.Find<Shipment>($"/v1/shipments/{order.Id}", stop));
        var products = await shop.All<Product>("/v1/products", stop);
        var stock = await ForAll(products, product => shop.Find<StockLevel>($"/v1/inventory/{product.Id}", stop));
        return
        [
            Finished(orders), Stock(orders, products, stock), Money(orders, payments), await Balanced(orders, stop), Shipped(orders, shipments), Confirmed(orders, messages), Welcomed(users, messages),
            .. hasLoyalty ? new[] { await Rewarded(users, orders, stop) } : [], await Shown(orders, stop),
        ];
    }

    /// <summary>Every order went from status to status as it may, forwards, and to each once.</summary>
    private async Task<Finding> InOrder(CancellationToken stop)
    {
        var users = await shop.All<User>("/v1/users", stop);
        var orders = (await ForAll(users, user => shop.All<Order>($"/v1/users/{user.Id}/orders", stop))).SelectMany(list => list).ToList();
        var histories = await ForAll(orders, order => shop.Ask<History>(operators, HttpMethod.Get, $"/v2/orders/{order.Id}/history", null, null, stop));
        var wrong = orders.Zip(histories).Where(pair => !IsLawful(pair.Second.Changes)).Select(pair => $"{pair.First.Id} was {string.Join(", ", pair.Second.Changes.Select(change => change.Status))}").ToList();
        return new("every order's history in lawful order", wrong.Count == 0, $"{histories.Sum(history => history.Changes.Count)} changes" + Some(wrong));
    }

    /// <summary>Has the dashboard made again from its journal, and looks whether it shows the same.</summary>
    private async Task<Finding> Rebuild(CancellationToken stop)
    {
        var before = await LookAtDashboard(stop);
        using var asked = await shop.Send(operators, HttpMethod.Post, "/v2/admin/projections/dashboard/rebuild", new { }, null, stop);
        var after = before;
        for (var watch = Stopwatch.StartNew(); after.Generation == before.Generation && watch.Elapsed < Patience;)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100), stop);
            after = await LookAtDashboard(stop);
        }

        var isSame = after.Generation > before.Generation && after.Revenue == before.Revenue && after.Orders.All(status => before.Orders[status.Key] == status.Value);
        return new("dashboard made again = dashboard", isSame, isSame ? "the same" : $"{before} became {after}");
    }

    private Task<Dashboard> LookAtDashboard(CancellationToken stop) => shop.Ask<Dashboard>(operators, HttpMethod.Get, "/v2/dashboard", null, null, stop);

    private async Task<Finding> Shown(List<Order> orders, CancellationToken stop)
    {
        var dashboard = await LookAtDashboard(stop);
        var (statuses, revenue) = (orders.ToLookup(order => order.Status), orders.Where(order => order.Status == "delivered").Sum(order => order.Total));
        var wrong = dashboard.Orders.Where(status => status.Value != statuses[status.Key].Count()).Select(status => $"{status.Value} {status.Key}, not {statuses[status.Key].Count()}").ToList();
        return new("dashboard = orders", wrong.Count == 0 && dashboard.Revenue == revenue, string.Create(CultureInfo.InvariantCulture, $"revenue {dashboard.Revenue:0.00}") + Some(wrong));
    }

    /// <summary>An order that was delivered was charged once; any other was not charged, or charged and refunded.</summary>
    private async Task<Finding> Balanced(List<Order> orders, CancellationToken stop)
    {
        var entries = new List<LedgerEntry>();
        for (string? next = "/v2/ledger/entries"; next is not null;)
        {
            var page = await shop.Ask<LedgerPage>(operators, HttpMethod.Get, next, null, null, stop);
            entries.AddRange(page.Items);
            next = page.NextCursor is null ? null : $"/v2/ledger/entries?cursor={page.NextCursor}";
        }

        var ledger = await shop.Ask<Ledger>(operators, HttpMethod.Get, "/v2/ledger", null, null, stop);
        var kinds = entries.ToLookup(entry => entry.OrderId, entry => entry.Kind);
        var owed = orders.Where(order => order.Status == "delivered").Sum(order => order.Total);
        var cash = ledger.Accounts.Where(account => account.Account == "cash").Sum(account => account.Balance);
        var wrong = orders.Where(order => kinds[order.Id].Order(StringComparer.Ordinal).ToList() is var posted && (order.Status == "delivered" ? !posted.SequenceEqual(["charge"]) : posted.Count > 0 && !posted.SequenceEqual(["charge", "refund"])))
            .Select(order => $"{order.Id} is {order.Status}, posted {string.Join(" and ", kinds[order.Id])}").ToList();
        return new("ledger balanced, cash = paid orders", wrong.Count == 0 && ledger.IsBalanced && cash == owed, string.Create(CultureInfo.InvariantCulture, $"{entries.Count} postings, {cash:0.00} cash") + Some(wrong));
    }

    private async Task<Finding> Rewarded(List<User> users, List<Order> orders, CancellationToken stop)
    {
        var earned = orders.Where(order => order.Status == "delivered").GroupBy(order => order.UserId).ToDictionary(group => group.Key, group => group.Sum(order => (long)order.Total));
        var accounts = await ForAll(users, user => shop.Ask<Account>(operators, HttpMethod.Get, $"/v2/users/{user.Id}/points", null, null, stop));
        var wrong = accounts.Where(account => account.Points != earned.GetValueOrDefault(account.UserId)).Select(account => $"{account.UserId} has {account.Points}, not {earned.GetValueOrDefault(account.UserId)}").ToList();
        return new("points = paid orders", wrong.Count == 0, $"{accounts.Sum(account => account.Points)} points" + Some(wrong));
    }

    /// <summary>
    /// From the first of these on, one after the other, until it is delivered, cancelled or returned; a status may be skipped where a later event says all that an earlier would. What has been shipped
    /// is not cancelled any more.
    /// </summary>
    private static bool IsLawful(IReadOnlyList<OrderChange> changes)
    {
        string[] way = ["pending", "confirmed", "paid", "shipped", "delivered", "cancelled", "returned"];
        var ranks = changes.Select(change => Array.IndexOf(way, change.Status)).ToList();
        return ranks[0] == 0 && ranks.Zip(ranks.Skip(1)).All(pair => pair.First < pair.Second && pair.First < 4 && (pair.First, pair.Second) != (3, 5)) && changes.Zip(changes.Skip(1)).All(pair => pair.First.At <= pair.Second.At);
    }

    private static Finding Finished(List<Order> orders)
    {
        var open = orders.Where(order => !order.IsFinished).ToList();
        return new("every order is delivered, cancelled or returned", open.Count == 0, $"{orders.Count} orders" + Some(open.Select(order => $"{order.Id} is {order.Status}")));
    }

    private static Finding Stock(List<Order> orders, List<Product> products, StockLevel?[] stock)
    {
        var sold = orders.Where(order => order.Status == "delivered").SelectMany(order => order.Items).GroupBy(item => item.ProductId).ToDictionary(group => group.Key, group => group.Sum(item => item.Quantity));
        var wrong = products.Zip(stock)
            .Where(pair => pair.Second is not { } level || level.OnHand < 0 || level.Reserved != 0 || level.Sold != sold.GetValueOrDefault(pair.First.Id) || level.OnHand + level.Sold != pair.First.InitialStock)
            .Select(pair => $"{pair.First.Name}: seeded {pair.First.InitialStock}, delivered {sold.GetValueOrDefault(pair.First.Id)}, {pair.Second}").ToList();
        return new("stock on hand + sold = seeded, sold = delivered", wrong.Count == 0, $"{products.Count} products, {sold.Values.Sum()} pieces sold" + Some(wrong));
    }

    private static Finding Money(List<Order> orders, Payment?[] payments)
    {
        var taken = payments.Where(payment => payment is { Status: "completed" }).Sum(payment => payment!.Amount);
        var owed = orders.Where(order => order.Status == "delivered").Sum(order => order.Total);
        var wrong = orders.Zip(payments)
            .Where(pair => pair.First.Status == "delivered" ? pair.Second is not { Status: "completed" } paid || paid.Amount != pair.First.Total : pair.Second is { Status: "completed" })
            .Select(pair => $"{pair.First.Id} is {pair.First.Status}, its payment {pair.Second?.Status ?? "missing"}").ToList();
        return new("money taken = paid orders", wrong.Count == 0 && taken == owed, string.Create(CultureInfo.InvariantCulture, $"{taken:0.00} taken, {owed:0.00} owed") + Some(wrong));
    }

    private static Finding Shipped(List<Order> orders, Shipment?[] shipments)
    {
        var wrong = orders.Zip(shipments)
            .Where(pair => pair.First.Status is "delivered" or "returned" ? pair.Second?.Status != pair.First.Status : pair.Second is { Status: not "stopped" })
            .Select(pair => $"{pair.First.Id} is {pair.First.Status}, its shipment {pair.Second?.Status ?? "missing"}").ToList();
        return new("one shipment an order that left", wrong.Count == 0, $"{shipments.Count(shipment => shipment is { Status: "delivered" or "returned" })} shipments" + Some(wrong));
    }

    private static Finding Confirmed(List<Order> orders, List<Message> messages)
    {
        var sent = messages.Where(message => message.Template == "order_confirmation").GroupBy(message => message.Reference).ToDictionary(group => group.Key, group => group.Count());
        var wrong = orders.Where(order => sent.GetValueOrDefault(order.Id) != 1).Select(order => $"{order.Id} has {sent.GetValueOrDefault(order.Id)}").ToList();
        return new("one confirmation message an order", wrong.Count == 0 && sent.Count == orders.Count, $"{messages.Count} messages" + Some(wrong));
    }

    private static Finding Welcomed(List<User> users, List<Message> messages)
    {
        var welcome = messages.Count(message => message.Template == "welcome");
        return new("one welcome a user", welcome == users.Count, $"{users.Count} users, {welcome} welcomes");
    }

    private static string Some(IEnumerable<string> wrong) => string.Concat(wrong.Take(3).Select(text => $"; {text}"));

    private static async Task<TResult[]> ForAll<T, TResult>(List<T> items, Func<T, Task<TResult>> ask)
    {
        var answers = new ConcurrentDictionary<int, TResult>();
        await Parallel.ForAsync(0, items.Count, Concurrency, async (i, _) => answers[i] = await ask(items[i]));
        return [.. Enumerable.Range(0, items.Count).Select(i => answers[i])];
    }
}
