using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Catalog;

/// <summary>Gives a product another price. Orders that were placed keep theirs.</summary>
public static class ChangePrice
{
    private const decimal Highest = 1_000_000;

    public static async Task<Product> Handle(string productId, decimal? price, AggregateStore store, SearchIndex index, CancellationToken stop)
    {
        var next = Checked(price);
        var product = await store.Accept<Product>(Product.KeyOf(productId), product =>
        {
            if (product is null or { IsDiscontinued: true })
            {
                throw RequestException.NotFound($"There is no product '{productId}' for sale.");
            }

            if (product.Price == next)
            {
                return product.Unchanged();
            }

            var changed = product with { Price = next, PriceVersion = product.PriceVersion + 1 };
            return changed.Telling(new PriceChanged(productId, next, changed.PriceVersion));
        }, stop);
        index.Put(product!);
        return product!;
    }

    /// <summary>A price that is one.</summary>
    public static decimal Checked(decimal? price) => price is { Scale: <= 2 } and >= 0 and <= Highest
        ? price.Value
        : throw RequestException.Bad($"The price is {price?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "missing"}; allowed is an amount from 0 to {Highest} with at most two decimals.");
}
