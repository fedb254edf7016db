using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Catalog;

/// <summary>Takes a product off sale for good.</summary>
public static class DiscontinueProduct
{
    public static async Task Handle(string productId, AggregateStore store, SearchIndex index, CancellationToken stop)
    {
        var gone = await store.Accept<Product>(Product.KeyOf(productId), product =>
            product is null ? throw RequestException.NotFound($"There is no product '{productId}'.")
            : product.IsDiscontinued ? product.Unchanged()
            : (product with { IsDiscontinued = true }).Telling(new ProductDiscontinued(productId)), stop);
        index.Put(gone!);
    }
}
