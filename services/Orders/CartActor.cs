using Dapr.Actors.Runtime;
using Lavka.ServiceDefaults;

namespace Lavka.Orders;

/// <inheritdoc cref="ICart"/>
public sealed class CartActor(ActorHost host, AggregateStore store, PriceBook prices, PlaceOrder place, IConfiguration configuration, TimeProvider time) : Actor(host), ICart, IRemindable
{
    private const string State = "cart";
    private const string Expiry = "expiry";

    // How much earlier a cart may expire: so long its reminder is left as it is.
    private const double Tolerance = 0.01;

    private readonly TimeSpan _keptFor = configuration.GetValue("Orders:CartExpiry", TimeSpan.FromDays(7));
    private DateTimeOffset? _expiresAt;

    public Task<CartAnswer> Show() => Answer(async cart => new(await View(cart), null));

    public Task<CartAnswer> Change(CartChange change) => Answer(async cart =>
    {
        var product = change.Quantity == 0 ? null : await Find(change.ProductId);
        var next = cart.With(change.ProductId, change.Quantity == 0 ? 0 : PlaceOrder.CheckedQuantity(change.ProductId, change.Quantity), product?.Price ?? 0);
        if (next.Items.Count > Cart.MostItems)
        {
            throw RequestException.Bad($"A cart holds {Cart.MostItems} products.");
        }

        await Keep(next);
        return new(await View(next), null);
    });

    public Task<CartAnswer> Checkout(CheckoutRequest request) => Answer(async cart =>
    {
        // With a key the order has the id that belongs to it, so that the same request finds it, whatever was ordered since.
        var key = string.IsNullOrEmpty(request.Key) ? null : request.Key;
        var orderKey = key is null ? cart.CartId : NaturalId.ForRequest("checkout", key);
        var (orderId, hash) = (PlaceOrder.IdFor(Id.GetId(), orderKey), NaturalId.HashOf(key, request));
        if (key is not null && await store.Find<Order>(Order.KeyOf(orderId), CancellationToken.None) is { } placed)
        {
            NaturalId.CheckSame(placed.Request, hash, key);
            return new(null, placed);
        }

        if (cart.Last is { } last && (key is null ? cart.IsUntouched : key == last.Key))
        {
            return new(null, await store.Find<Order>(Order.KeyOf(last.OrderId), CancellationToken.None));
        }

        if (cart.Items.Count == 0)
        {
            throw RequestException.Conflict("The cart is empty" + (cart.Last is null ? "." : $"; order '{cart.Last.OrderId}' was made of it."));
        }

        var view = await View(cart);
        if (request.Total is { } expected && expected != view.Total)
        {
            throw RequestException.Conflict($"The cart costs {view.Total} now, not {expected}.");
        }

        // The order is saved elsewhere: what is written here first tells after a crash whether it was.
        var checkout = new CartCheckout(orderId, key);
        await Save(cart with { Items = [.. view.Items.Select(item => new CartItem(item.ProductId, item.Quantity, item.Price))], CheckingOut = checkout });

        // Where the customer expects a total, no price may change between here and there.
        var lines = view.Items.Select(item => new WantedLine(item.ProductId, item.Quantity, request.Total is null ? null : item.Price)).ToList();
        var order = await place.Handle(new(Id.GetId(), lines, orderKey, request.Address, request.PayWithinSeconds, hash), CancellationToken.None);
        await Save(Cart.After(checkout));
        await Forget();
        return new(null, order);
    });

    /// <summary>Nobody has touched the cart for long: it is emptied.</summary>
    public async Task ReceiveReminderAsync(string reminderName, byte[] state, TimeSpan dueTime, TimeSpan period)
    {
        await Save(Cart.After((await Load()).Last) with { IsUntouched = false });
        await Forget();
    }

    private static async Task<CartAnswer> Refusals(Func<Task<CartAnswer>> answer)
    {
        try
        {
            return await answer();
        }
        catch (RequestException e)
        {
            return new(null, null, e.Status, e.Message);
        }
    }

    private Task<CartAnswer> Answer(Func<Cart, Task<CartAnswer>> answer) => Refusals(async () => await answer(await Load()));

    private async Task<Cart> Load()
    {
        var cart = (await StateManager.TryGetStateAsync<Cart>(State)) is { HasValue: true } kept ? kept.Value : Cart.After(null);
        if (cart.CheckingOut is not { } checkout)
        {
            return cart;
        }

        // A checkout did not come to its end: either the order was placed, or the cart is as it was.
        var isPlaced = await store.Find<Order>(Order.KeyOf(checkout.OrderId), CancellationToken.None) is not null;
        return await Save(isPlaced ? Cart.After(checkout) : cart with { CheckingOut = null });
    }

    private async Task<Cart> Save(Cart cart)
    {
        await StateManager.SetStateAsync(State, cart);
        await SaveStateAsync();
        return cart;
    }

    private async Task Keep(Cart cart)
    {
        await Save(cart);
        var expiresAt = time.GetUtcNow() + _keptFor;
        if (_expiresAt is null || expiresAt - _expiresAt > _keptFor * Tolerance)
        {
            await RegisterReminderAsync(Expiry, null, _keptFor, _keptFor);
            _expiresAt = expiresAt;
        }
    }

    private async Task Forget()
    {
        await UnregisterReminderAsync(Expiry);
        _expiresAt = null;
    }

    private async Task<ProductCopy> Find(string productId) =>
        (await prices.Find([productId], CancellationToken.None)).GetValueOrDefault(productId) ?? throw RequestException.Bad($"There is no product '{productId}' for sale.");

    /// <summary>The cart at the prices of now; those that changed since it was last looked at are kept, and shown as changed once.</summary>
    private async Task<CartView> View(Cart cart)
    {
        var now = cart.Items.Count == 0 ? new Dictionary<string, ProductCopy>() : await prices.Find([.. cart.Items.Select(item => item.ProductId)], CancellationToken.None);
        var items = cart.Items.Select(item => now.GetValueOrDefault(item.ProductId) is { } product
            ? new CartItemView(item.ProductId, item.Quantity, product.Price, product.Price == item.Price ? null : item.Price, IsForSale: true)
            : new CartItemView(item.ProductId, item.Quantity, item.Price, null, IsForSale: false)).ToList();
        if (items.Exists(item => item.WasPrice is not null))
        {
            await Save(cart with { Items = [.. items.Select(item => new CartItem(item.ProductId, item.Quantity, item.Price))] });
        }

        return new(items, items.Where(item => item.IsForSale).Sum(item => item.Quantity * item.Price));
    }
}
