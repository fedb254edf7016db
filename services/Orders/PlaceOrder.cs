using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Orders;

/// <summary>What a customer wants.</summary>
public sealed record WantedLine(string? ProductId, long? Quantity, decimal? Price);

/// <summary>An order that somebody wants.</summary>
/// <param name="PayWithinSeconds">How long the order waits for its payment, if shorter than the shop's own deadline.</param>
/// <param name="Request">What tells the client's request apart; null: what is wanted does.</param>
public sealed record WantedOrder(string? UserId, IReadOnlyList<WantedLine>? Lines, string? IdempotencyKey, Address? Address = null, double? PayWithinSeconds = null, string? Request = null);

/// <summary>
/// Places an order, at the catalog's prices. The same request with the same idempotency key is the same order. It waits for its payment for <c>Orders:PaymentDeadline</c> (15 minutes by default),
/// or as long as the customer says if that is shorter.
/// </summary>
public sealed class PlaceOrder(AggregateStore store, PriceBook prices, KnownUsers users, IConfiguration configuration, TimeProvider time)
{
    private const int MostLines = 100;
    private const int LongestAddressPart = 200;
    private const long MostPieces = 10_000;

    private readonly TimeSpan _paymentDeadline = configuration.GetValue("Orders:PaymentDeadline", TimeSpan.FromMinutes(15));

    /// <summary>The id of the order that a user's request with this key makes.</summary>
    public static string IdFor(string userId, string? idempotencyKey) => NaturalId.ForRequest(userId, idempotencyKey);

    public async Task<Order> Handle(WantedOrder wanted, CancellationToken stop)
    {
        Check(wanted);
        var (userId, key) = (wanted.UserId!, wanted.IdempotencyKey);
        var orderId = IdFor(userId, key);
        var request = wanted.Request ?? NaturalId.HashOf(key, wanted);
        if (!string.IsNullOrEmpty(key) && await store.Find<Order>(Order.KeyOf(orderId), stop) is { } placed)
        {
            // Before anything is checked: a price that has changed since must not turn the repeat of a placed order away.
            NaturalId.CheckSame(placed.Request, request, key);
            return placed;
        }

        if (!await users.Has(userId, stop))
        {
            throw RequestException.Bad($"There is no user '{userId}'.");
        }

        var lines = await Price(wanted.Lines!, stop);
        var index = Order.IndexOf(userId);
        var order = await store.Accept<Order, IdList>(Order.KeyOf(orderId), [index], (existing, parts) =>
        {
            if (existing is not null)
            {
                NaturalId.CheckSame(existing.Request, request, key);
                return existing.Unchanged();
            }

            IdList.Add(parts, index, orderId);
            var now = time.GetUtcNow();
            var payBy = now + TimeSpan.FromSeconds(Math.Min(_paymentDeadline.TotalSeconds, wanted.PayWithinSeconds ?? double.MaxValue));
            return Order.Place(orderId, userId, lines, now, wanted.Address, wanted.PayWithinSeconds, payBy, request);
        }, stop);
        return order!;
    }

    /// <summary>Whether so many pieces can be ordered.</summary>
    /// <exception cref="RequestException">400: not so many.</exception>
    public static long CheckedQuantity(string productId, long? quantity) => quantity is >= 1 and <= MostPieces
        ? quantity.Value
        : throw RequestException.Bad($"The quantity of product '{productId}' is {quantity?.ToString() ?? "missing"}; allowed is a whole number from 1 to {MostPieces}.");

    private static void Check(WantedOrder wanted)
    {
        if (string.IsNullOrWhiteSpace(wanted.UserId))
        {
            throw RequestException.Bad("The order names no user.");
        }

        if (!Ids.CanBe(wanted.UserId))
        {
            throw RequestException.Bad($"There is no user '{wanted.UserId}'.");
        }

        if (wanted.Lines is null or { Count: 0 or > MostLines })
        {
            throw RequestException.Bad($"The order has {wanted.Lines?.Count ?? 0} items; allowed are 1 to {MostLines}.");
        }

        foreach (var line in wanted.Lines)
        {
            if (string.IsNullOrWhiteSpace(line?.ProductId))
            {
                throw RequestException.Bad("An item names no product.");
            }

            if (!Ids.CanBe(line.ProductId))
            {
                throw RequestException.Bad($"There is no product '{line.ProductId}' for sale.");
            }

            CheckedQuantity(line.ProductId, line.Quantity);
        }

        if (wanted.PayWithinSeconds is <= 0)
        {
            throw RequestException.Bad($"payWithinSeconds is {wanted.PayWithinSeconds}; allowed is a number above 0.");
        }

        if (wanted.Address is { } to)
        {
            foreach (var (part, text) in new[] { ("name", to.Name), ("street", to.Street), ("postalCode", to.PostalCode), ("city", to.City), ("country", to.Country) })
            {
                Texts.Required($"address's {part}", text, LongestAddressPart);
            }
        }
    }

    private async Task<IReadOnlyList<OrderLine>> Price(IReadOnlyList<WantedLine> wanted, CancellationToken stop)
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
}
