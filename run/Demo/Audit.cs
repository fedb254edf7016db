using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;

namespace Lavka.Run.Demo;

/// <summary>Whether one rule of the shop holds, and the figures.</summary>
internal sealed record Finding(string Rule, bool Holds, string Detail);

/// <summary>Looks at the whole shop, not only at this run's orders, and checks that nothing was lost and nothing happened twice.</summary>
internal sealed class Audit(ShopClient shop)
{
    // The last steps after an order is delivered (its message, its pieces counted as sold) need a moment, and longer after a kill.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly ParallelOptions Concurrency = new() { MaxDegreeOfParallelism = 16 };

    /// <summary>The findings once all hold, or as they are when patience ends.</summary>
    public async Task<IReadOnlyList<Finding>> Settle(CancellationToken stop)
    {
        var watch = Stopwatch.StartNew();
        while (true)
        {
            var findings = await Look(stop);
            if (findings.All(finding => finding.Holds) || watch.Elapsed > Patience)
            {
                return findings;
            }

            await Task.Delay(TimeSpan.FromSeconds(1), stop);
        }
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
        return [Finished(orders), Stock(orders, products, stock), Money(orders, payments), Shipped(orders, shipments), Confirmed(orders, messages), Welcomed(users, messages)];
    }

    private static Finding Finished(List<Order> orders)
    {
        var open = orders.Where(order => !order.IsFinished).ToList();
        return new("every order is delivered or cancelled", open.Count == 0, $"{orders.Count} orders" + Some(open.Select(order => $"{order.Id} is {order.Status}")));
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
            .Where(pair => pair.First.Status == "delivered" ? pair.Second is not { Status: "delivered" } : pair.Second is { Status: not "stopped" })
            .Select(pair => $"{pair.First.Id} is {pair.First.Status}, its shipment {pair.Second?.Status ?? "missing"}").ToList();
        return new("one shipment a paid order", wrong.Count == 0, $"{shipments.Count(shipment => shipment is { Status: "delivered" })} shipments" + Some(wrong));
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
