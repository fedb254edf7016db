using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Inventory;

/// <summary>Pieces of a product that came.</summary>
public sealed record Restock(string RestockId, string ProductId, long Quantity, DateTimeOffset At)
{
    private const long MostPieces = 1_000_000;

    public static string KeyOf(string restockId) => $"restock-{restockId}";

    /// <summary>Puts pieces on the shelf; the same request with the same idempotency key once.</summary>
    public static async Task<Restock> Handle(string productId, long? quantity, string? idempotencyKey, AggregateStore store, TimeProvider time, CancellationToken stop)
    {
        if (quantity is not (>= 1 and <= MostPieces))
        {
            throw RequestException.Bad($"The quantity is {quantity?.ToString() ?? "missing"}; allowed is a whole number from 1 to {MostPieces}.");
        }

        var (id, key) = (NaturalId.ForRequest($"restock\n{productId}", idempotencyKey), Stock.KeyOf(productId));
        var restock = await store.Accept<Restock, Stock>(KeyOf(id), [key], (existing, stock) =>
        {
            if (existing is not null)
            {
                return existing.Quantity == quantity ? existing.Unchanged() : throw NaturalId.KeyUsed(idempotencyKey);
            }

            var now = stock[key] ?? throw RequestException.NotFound($"There is no stock of a product '{productId}'.");
            if (now.IsDiscontinued)
            {
                throw RequestException.Conflict($"Product '{productId}' is not for sale any more.");
            }

            stock.Set(key, now with { OnHand = now.OnHand + quantity.Value });
            return new Restock(id, productId, quantity.Value, time.GetUtcNow()).Telling(new StockRestocked(productId, quantity.Value));
        }, stop);
        return restock!;
    }

    /// <summary>Whoever was told that the stock is low is told that it is not.</summary>
    public static Task Told(StockRestocked restocked, StockLevels levels, CancellationToken stop) => levels.Check([restocked.ProductId], stop);
}
