using System.Collections.Concurrent;

namespace Lavka.Run.Demo;

/// <summary>The products of a run: enough of most, so that stock is not what decides; of one too little, so that it is; and those that bring trouble.</summary>
internal sealed record Catalog(IReadOnlyList<Product> Plenty, Product Scarce, Product Declined, Product Suspicious, Product LosesAnswer, Product SlowToPay, Product Moving)
{
    /// <summary>Whether the payment of an order is slow on purpose.</summary>
    public bool IsSlow(Order order) => order.Items.Any(item => item.ProductId == Suspicious.Id || item.ProductId == LosesAnswer.Id || item.ProductId == SlowToPay.Id);
}

/// <summary>Places orders of every kind, in turn.</summary>
internal sealed class Orders(ShopClient shop, string run, Shoppers people)
{
    private const int Kinds = 20;
    private const int SeveralLines = 3;
    private const int Operators = 4;

    // Shorter than the provider needs for the slow product, and than anybody needs to decide what nobody decides.
    private const double Hurry = 3;

    private readonly IReadOnlyList<User> _users = people.Users;
    private readonly IReadOnlyList<Session> _shoppers = people.SignedIn;
    private readonly Catalog _catalog = people.Catalog;

    // The orders whose payments nobody is to decide.
    private readonly ConcurrentDictionary<string, bool> _undecided = new();

    // An actor's cart is one at a time; two orders at once of one shopper would share it.
    private readonly SemaphoreSlim[] _carts = [.. people.SignedIn.Select(_ => new SemaphoreSlim(1))];

    /// <summary>Every kind as often as it comes in turn; answers the order.</summary>
    public async Task<Order> Place(int i, CancellationToken stop)
    {
        var (user, shopper, key) = (_users[i % _users.Count].Id, _shoppers[i / Kinds % _shoppers.Count], $"{run}-{i}");
        var plenty = _catalog.Plenty[i % _catalog.Plenty.Count];
        switch (i % Kinds)
        {
            case 4:
                return await shop.Place(user, [new(_catalog.Scarce.Id, 1)], key, stop);
            case 5 or 6:
                return await shop.Place(user, [.. Enumerable.Range(i, SeveralLines).Select(n => new Item(_catalog.Plenty[n % _catalog.Plenty.Count].Id, 1 + (n % 2)))], key, stop);
            case 7:
                return await shop.Place(user, [new(plenty.Id, 10_000)], key, stop);
            case 8:
                return await shop.Place(user, [new(_catalog.Declined.Id, 1)], key, stop);
            case 9:
                return await Twice(() => shop.Place(user, [new(plenty.Id, 1, plenty.Price)], key, stop));
            case 10 or 11:
                return await FromCart(i / Kinds % _shoppers.Count, plenty, key, stop);
            case 12:
                return await Cancelled(shopper, plenty, key, stop);
            case 13:
                return await Place(shopper, plenty, key, new { name = "Nobody", street = "No Street 0", postalCode = "0", city = "Nowhere", country = "Nowhere" }, null, stop);
            case 14:
                return await Place(shopper, _catalog.LosesAnswer, key, null, null, stop);
            case 15:
                return await Place(shopper, _catalog.SlowToPay, key, null, Hurry, stop);
            case 16:
                return await Place(shopper, _catalog.Suspicious, key, null, null, stop);
            case 17:
                var undecided = await Place(shopper, _catalog.Suspicious, key, null, Hurry, stop);
                _undecided[undecided.Id] = true;
                return undecided;
            default:
                return await shop.Place(user, [new(plenty.Id, 1, plenty.Price)], key, stop);
        }
    }

    /// <summary>Whether an order is placed by one request, so that its answer tells how long the shop takes to accept one.</summary>
    public static bool IsOneRequest(int i) => (i % Kinds) is not (9 or 10 or 11 or 12);

    /// <summary>What an operator does meanwhile: changes a price, and approves what is suspicious, also of a run that was killed.</summary>
    public async Task Operate(CancellationToken stop)
    {
        var atOnce = new ParallelOptions { MaxDegreeOfParallelism = Operators, CancellationToken = stop };
        for (var price = 10; ; price = price == 19 ? 10 : price + 1)
        {
            using var changed = await shop.Send(people.Operators, HttpMethod.Patch, $"/v2/products/{_catalog.Moving.Id}", new { price }, null, stop);
            const string Held = "/v2/payments?status=review&limit=100";
            for (var next = Held; next is not null;)
            {
                var page = await shop.Ask<PaymentPage>(people.Operators, HttpMethod.Get, next, null, null, stop);
                await Parallel.ForEachAsync(page.Items.Where(payment => !_undecided.ContainsKey(payment.OrderId)), atOnce, async (payment, token) =>
                {
                    // Or it is cancelled by now.
                    using var approved = await shop.Send(people.Operators, HttpMethod.Post, $"/v2/payments/{payment.OrderId}/review", new { decision = "approve" }, null, token);
                });

                next = page.NextCursor is null ? null : $"{Held}&cursor={page.NextCursor}";
            }

            await Task.Delay(TimeSpan.FromMilliseconds(250), stop);
        }
    }

    private static async Task<Order> Twice(Func<Task<Order>> place)
    {
        var orders = await Task.WhenAll(place(), place());
        return orders[0].Id == orders[1].Id ? orders[0] : throw new RunException($"A request made twice made two orders: {orders[0].Id} and {orders[1].Id}.");
    }

    private Task<Order> Place(Session shopper, Product product, string key, object? address, double? payWithinSeconds, CancellationToken stop) =>
        shop.Ask<Order>(shopper, HttpMethod.Post, "/v2/orders", new { items = new[] { new { productId = product.Id, quantity = 1 } }, address, payWithinSeconds }, key, stop);

    /// <summary>Adds, changes and takes out, while the price of one thing moves; then orders twice at once.</summary>
    private async Task<Order> FromCart(int number, Product product, string key, CancellationToken stop)
    {
        var (shopper, cart) = (_shoppers[number], $"/v2/users/{_shoppers[number].UserId}/cart");
        await _carts[number].WaitAsync(stop);
        try
        {
            await Put(product.Id, 1);
            await Put(_catalog.Moving.Id, 2);
            await Put(_catalog.Scarce.Id, 1);
            await Put(product.Id, 3);
            using var removed = await shop.Send(shopper, HttpMethod.Delete, $"{cart}/items/{_catalog.Scarce.Id}", null, null, stop);
            return await Twice(() => shop.Ask<Order>(shopper, HttpMethod.Post, $"{cart}/checkout", new { }, key, stop));
        }
        finally
        {
            _carts[number].Release();
        }

        async Task Put(string productId, long quantity)
        {
            using var put = await shop.Send(shopper, HttpMethod.Put, $"{cart}/items/{productId}", new { quantity }, null, stop);
        }
    }

    /// <summary>Cancels at once; the parcel may have been quicker.</summary>
    private async Task<Order> Cancelled(Session shopper, Product product, string key, CancellationToken stop)
    {
        var order = await Place(shopper, product, key, null, null, stop);
        using var cancelled = await shop.Send(shopper, HttpMethod.Patch, $"/v2/orders/{order.Id}/status", new { status = "cancelled" }, null, stop);
        return order;
    }
}
