using System.Diagnostics;
using System.Globalization;
using Spectre.Console;

namespace Lavka.Run.Demo;

/// <summary>Measures what many buyers of one product at once cost, compared with as many buyers of many products.</summary>
internal sealed class HotItem(Uri gateway, int buyers)
{
    private const int Products = 20;
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);

    private readonly ShopClient _shop = new(gateway);
    private readonly string _run = Guid.NewGuid().ToString("N")[..8];

    public async Task Run(CancellationToken stop)
    {
        var many = await Task.WhenAll(Enumerable.Range(1, Products).Select(i => _shop.Add($"Cool product {i:00} ({_run})", 5, buyers, stop)));
        var one = await _shop.Add($"Hot product ({_run})", 5, buyers, stop);

        // The first round warms up: services are compiled while they run.
        await Buy("warm", many, stop);
        var cool = await Buy("cool", many, stop);
        var hot = await Buy("hot", [one], stop);
        AnsiConsole.MarkupLineInterpolated(CultureInfo.InvariantCulture,
            $"{buyers} buyers at once: of {Products} products {buyers / cool.TotalSeconds:0} orders a second, of one product {buyers / hot.TotalSeconds:0}; the ratio is {cool / hot:0.00}.");
    }

    /// <summary>Everybody orders one piece at once; ends when every order is delivered.</summary>
    private async Task<TimeSpan> Buy(string round, IReadOnlyList<Product> products, CancellationToken stop)
    {
        var user = await _shop.Register($"{round}-{_run}@example.com", round, stop);
        var watch = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, buyers).Select(i => _shop.Place(user.Id, [new(products[i % products.Count].Id, 1)], $"{_run}-{round}-{i}", stop)));
        while ((await _shop.All<Order>($"/v1/users/{user.Id}/orders", stop)).Count(order => order.Status == "delivered") < buyers)
        {
            await Task.Delay(Poll, stop);
        }

        return watch.Elapsed;
    }
}
