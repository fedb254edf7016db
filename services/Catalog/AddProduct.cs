using Lavka.ServiceDefaults;

namespace Lavka.Catalog;

/// <summary>What is to be sold.</summary>
public sealed record NewProduct(string? Name, decimal? Price, long? Stock, string? Description = null, string? Category = null, string? IdempotencyKey = null);

/// <summary>Puts a product up for sale.</summary>
public static class AddProduct
{
    private const int LongestName = 200;
    private const int LongestDescription = 5000;
    private const int LongestCategory = 100;
    private const long MostStock = 1_000_000_000;

    public static async Task<Product> Handle(NewProduct wanted, AggregateStore store, SearchIndex index, TimeProvider time, CancellationToken stop)
    {
        var product = Checked(wanted, time.GetUtcNow());
        var added = await store.Accept<Product, IdList>(Product.KeyOf(product.ProductId), [Product.Index], (existing, parts) =>
        {
            if (existing is not null)
            {
                NaturalId.CheckSame(existing.Request, product.Request, wanted.IdempotencyKey);
                return existing.Unchanged();
            }

            IdList.Add(parts, Product.Index, product.ProductId);
            return product.Telling(product.Question);
        }, stop);
        index.Put(added!);
        return added!;
    }

    private static Product Checked(NewProduct wanted, DateTimeOffset now)
    {
        var name = Texts.Required("name", wanted.Name, LongestName);
        if (wanted.Stock is not (>= 0 and <= MostStock))
        {
            throw RequestException.Bad($"The stock is {wanted.Stock?.ToString() ?? "missing"}; allowed is a whole number from 0 to {MostStock}.");
        }

        var (description, category) = (Texts.Checked("description", wanted.Description, LongestDescription), Texts.Checked("category", wanted.Category, LongestCategory));
        return new(NaturalId.ForRequest("product", wanted.IdempotencyKey), name, ChangePrice.Checked(wanted.Price), 1, wanted.Stock.Value, IsDiscontinued: false, now, description, category, NaturalId.HashOf(wanted.IdempotencyKey, wanted));
    }
}
