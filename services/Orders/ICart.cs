using Dapr.Actors;
using Lavka.Contracts;

namespace Lavka.Orders;

/// <summary>So many pieces of a product; 0: none.</summary>
public sealed record CartChange(string ProductId, long? Quantity);

/// <summary>How a cart is to be ordered.</summary>
/// <param name="Total">What the customer expects to pay; null: whatever it costs now.</param>
public sealed record CheckoutRequest(string? Key, Address? Address, double? PayWithinSeconds, decimal? Total);

/// <summary>Something in a cart, as it is now.</summary>
/// <param name="WasPrice">What it cost when the cart was last looked at, if that was something else.</param>
/// <param name="IsForSale">False: it is not any more, and cannot be ordered.</param>
public sealed record CartItemView(string ProductId, long Quantity, decimal Price, decimal? WasPrice, bool IsForSale);

/// <summary>A cart as it is now.</summary>
public sealed record CartView(IReadOnlyList<CartItemView> Items, decimal Total);

/// <summary>What a cart answers: itself, an order, or why not. An exception would lose the reason on its way through the sidecar.</summary>
public sealed record CartAnswer(CartView? Cart, Order? Order, int Status = 200, string? Problem = null);

/// <summary>A user's cart; the actor's id is the user's. An actor does one thing at a time, so two checkouts at once make one order.</summary>
public interface ICart : IActor
{
    Task<CartAnswer> Show();

    Task<CartAnswer> Change(CartChange change);

    Task<CartAnswer> Checkout(CheckoutRequest request);
}
