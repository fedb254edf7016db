using System.Security.Cryptography;
using System.Text;
using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Orders;

/// <summary>What a customer wants.</summary>
public sealed record WantedLine(string? ProductId, long? Quantity, decimal? Price);

/// <summary>Places an order, at the catalog's prices. The same request with the same idempotency key is the same order.</summary>
public static class PlaceOrder
{
    private const int MostLines = 100;
    private const long MostPieces = 10_000;

    private sealed record User(string Id);

    public static async Task<Order> Handle(
        string? userId, IReadOnlyList<WantedLine>? wanted, string? idempotencyKey, AggregateStore store, PriceBook prices, Peers peers, TimeProvider time, CancellationToken stop)
    {
        Check(userId, wanted);
        var orderId = string.IsNullOrEmpty(idempotencyKey) ? Guid.CreateVersion7().ToString() : IdFor(userId!, idempotencyKey);
        if (!string.IsNullOrEmpty(idempotencyKey) && await store.Find<Order>(Order.KeyOf(orderId), stop) is { } placed)
        {
            // Before anything is checked: a price that has changed since must not turn the repeat of a placed order away.
            return IsSame(placed, wanted!) ? placed : throw Used(idempotencyKey);
        }

        if (await peers.Get<User>(Topics.Users, $"/v1/users/{Uri.EscapeDataString(userId!)}", stop) is null)
        {
            throw RequestException.Bad($"There is no user '{userId}'.");
        }

        var lines = await Price(wanted!, prices, stop);
        var index = Order.IndexOf(userId!);
        var order = await store.Accept<Order, IdList>(Order.KeyOf(orderId), [index], (existing, parts) =>
        {
            if (existing is not null)
            {
                return IsSame(existing, wanted!) ? existing.Unchanged() : throw Used(idempotencyKey);
            }

            IdList.Add(parts, index, orderId);
            return Order.Place(orderId, userId!, lines, time.GetUtcNow());
        }, stop);
        return order!;
    }

    private static void Check(string? userId, IReadOnlyList<WantedLine>? wanted)
    {
        if (string.IsNullOrWhiteSpace(userId))
        {
            throw RequestException.Bad("The user_id is required.");
        }

        if (wanted is null or { Count: 0 or > MostLines })
        {
            throw RequestException.Bad($"The order has {wanted?.Count ?? 0} items; allowed are 1 to {MostLines}.");
        }

        foreach (var line in wanted)
        {
            if (string.IsNullOrWhiteSpace(line?.ProductId))
            {
                throw RequestException.Bad("An item has no product_id.");
            }

            if (line.Quantity is not (>= 1 and <= MostPieces))
            {
                throw RequestException.Bad($"The quantity of product '{line.ProductId}' is {line.Quantity?.ToString() ?? "missing"}; allowed is a whole number from 1 to {MostPieces}.");
            }
        }
    }

    private static async Task<IReadOnlyList<OrderLine>> Price(IReadOnlyList<WantedLine> wanted, PriceBook prices, CancellationToken stop)
    {
        var products = await prices.Find([.. wanted.Select(line => line.ProductId!).Distinct()], stop);
        return [.. wanted.Select(line =>
        {
            var product = products.GetValueOrDefault(line.ProductId!) ?? throw RequestException.Bad($"There is no product '{line.ProductId}' for sale.");
            return line.Price is null || line.Price == product.Price
                ? new OrderLine(product.ProductId, line.Quantity!.Value, product.Price)
                : throw RequestException.Bad($"Product '{line.ProductId}' costs {product.Price}, not {line.Price}.");
        })];
    }

    private static bool IsSame(Order placed, IReadOnlyList<WantedLine> wanted) =>
        placed.Lines.Select(line => (line.ProductId, line.Quantity)).SequenceEqual(wanted.Select(line => (line.ProductId!, line.Quantity!.Value)));

    private static RequestException Used(string? idempotencyKey) => RequestException.Conflict($"The Idempotency-Key '{idempotencyKey}' has been used for another order.");

    private static string IdFor(string userId, string idempotencyKey) =>
        new Guid(SHA256.HashData(Encoding.UTF8.GetBytes($"{userId}\n{idempotencyKey}")).AsSpan(0, 16)).ToString();
}
