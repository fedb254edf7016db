using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Catalog;

/// <summary>Takes a product off sale for good.</summary>
public static class DiscontinueProduct
{
    public static Task Handle(string productId, AggregateStore store, CancellationToken stop) => store.Accept<Product>(Product.KeyOf(productId), product =>
        product is null ? throw RequestException.NotFound($"There is no product '{productId}'.")
        : product.IsDiscontinued ? product.Unchanged()
        : (product with { IsDiscontinued = true }).Telling(new ProductDiscontinued(productId)), stop);
}
