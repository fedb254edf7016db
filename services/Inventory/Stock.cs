namespace Lavka.Inventory;

/// <summary>The pieces of a product: each is on hand, reserved for an order, or sold.</summary>
/// <param name="IsDiscontinued">Whether it is not for sale any more: nothing is reserved then.</param>
public sealed record Stock(string ProductId, long OnHand, long Reserved, long Sold, bool IsDiscontinued = false)
{
    public static string KeyOf(string productId) => $"stock-{productId}";
}

/// <summary>That a product has been stocked. Its pieces are counted in <see cref="Stock"/>.</summary>
public sealed record StockedProduct(string ProductId, bool IsDiscontinued = false)
{
    public static string KeyOf(string productId) => $"stocked-{productId}";
}
