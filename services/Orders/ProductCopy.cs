namespace Lavka.Orders;

/// <summary>What Orders knows of a product: Catalog's events keep it.</summary>
public sealed record ProductCopy(string ProductId, decimal Price, long PriceVersion, bool IsDiscontinued)
{
    public static string KeyOf(string productId) => $"product-{productId}";
}
