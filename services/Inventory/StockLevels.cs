using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Inventory;

/// <summary>Whether a product's stock is low, as it was told last.</summary>
public sealed record StockLevel(string ProductId, bool IsLow, long Version)
{
    public static string KeyOf(string productId) => $"level-{productId}";
}

/// <summary>Tells when a product has <c>Inventory:LowStock</c> pieces on hand or fewer (5 by default), and when it has more again.</summary>
public sealed class StockLevels(AggregateStore store, IConfiguration configuration)
{
    private readonly long _threshold = configuration.GetValue("Inventory:LowStock", 5L);

    /// <summary>Whether a change takes the stock from one side of the threshold to the other.</summary>
    public bool Crosses(Stock? before, Stock after) => (before?.OnHand <= _threshold) != (after.OnHand <= _threshold);

    /// <summary>Looks at products' stock, and tells what has not been told.</summary>
    public async Task Check(IEnumerable<string> productIds, CancellationToken stop)
    {
        foreach (var productId in productIds)
        {
            var key = Stock.KeyOf(productId);

            // Again after a change if it is true no more: the stock may have moved between its reading and the saving, and who moved it saw nothing to tell.
            do
            {
                await store.Change<StockLevel, Stock>(StockLevel.KeyOf(productId), [key], (level, parts) =>
                    parts[key] is { } stock ? Compare(level, stock) : Change.Nothing<StockLevel>(), stop);
            }
            while (await IsOutdated(productId, stop));
        }
    }

    private async Task<bool> IsOutdated(string productId, CancellationToken stop) =>
        await store.Find<StockLevel>(StockLevel.KeyOf(productId), stop) is { } level && await store.FindPart<Stock>(Stock.KeyOf(productId), stop) is { } stock && Compare(level, stock).IsChanged;

    private Change<StockLevel> Compare(StockLevel? level, Stock stock)
    {
        var isLow = stock.OnHand <= _threshold;
        var version = (level?.Version ?? 0) + 1;
        return isLow == (level?.IsLow ?? false) ? level?.Unchanged() ?? Change.Nothing<StockLevel>()
            : new StockLevel(stock.ProductId, isLow, version).Telling(isLow
                ? new StockLow(stock.ProductId, stock.OnHand, _threshold, version)
                : new StockReplenished(stock.ProductId, stock.OnHand, version));
    }
}
