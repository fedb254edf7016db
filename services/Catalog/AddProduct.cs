using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Catalog;

/// <summary>Puts a product up for sale.</summary>
public static class AddProduct
{
    private const long MostStock = 1_000_000_000;

    public static async Task<Product> Handle(string? name, decimal? price, long? stock, AggregateStore store, TimeProvider time, CancellationToken stop)
    {
        name = name?.Trim();
        if (string.IsNullOrEmpty(name) || name.Length > 200)
        {
            throw RequestException.Bad("The name is required, with at most 200 characters.");
        }

        if (stock is not (>= 0 and <= MostStock))
        {
            throw RequestException.Bad($"The stock is {stock?.ToString() ?? "missing"}; allowed is a whole number from 0 to {MostStock}.");
        }

        var productId = Guid.CreateVersion7().ToString();
        var product = new Product(productId, name, ChangePrice.Checked(price), 1, stock.Value, IsDiscontinued: false, time.GetUtcNow());
        await store.Accept<Product, IdList>(Product.KeyOf(productId), [Product.Index], (existing, parts) =>
        {
            if (existing is not null)
            {
                return existing.Unchanged();
            }

            IdList.Add(parts, Product.Index, productId);
            return product.Telling(new ProductCreated(productId, product.Name, product.Price, product.InitialStock));
        }, stop);
        return product;
    }
}
