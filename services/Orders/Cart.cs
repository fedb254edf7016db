namespace Lavka.Orders;

/// <summary>Something in a cart.</summary>
/// <param name="Price">Of one piece, as the cart last showed it.</param>
public sealed record CartItem(string ProductId, long Quantity, decimal Price);

/// <summary>An order that is being made of a cart, or was.</summary>
/// <param name="Key">The client's idempotency key, if it sent one.</param>
public sealed record CartCheckout(string OrderId, string? Key);

/// <summary>A cart, as its actor keeps it.</summary>
/// <param name="CartId">Another for each time the cart is filled: it makes the id of the order, so that a cart is ordered once.</param>
/// <param name="CheckingOut">The order that is being placed; after a crash it tells whether that was done.</param>
/// <param name="Last">The order that the cart became the last time.</param>
/// <param name="IsUntouched">Whether nothing has been done with it since then.</param>
public sealed record Cart(string CartId, IReadOnlyList<CartItem> Items, CartCheckout? CheckingOut, CartCheckout? Last, bool IsUntouched = false)
{
    public const int MostItems = 100;

    /// <summary>An empty cart, after an order was made of it.</summary>
    public static Cart After(CartCheckout? last) => new(Guid.CreateVersion7().ToString(), [], null, last, IsUntouched: last is not null);

    /// <summary>So many pieces of a product; 0: none.</summary>
    public Cart With(string productId, long quantity, decimal price) => this with
    {
        IsUntouched = false,
        Items = [.. Items.Where(item => item.ProductId != productId), .. quantity == 0 ? Array.Empty<CartItem>() : [new(productId, quantity, price)]],
    };
}
