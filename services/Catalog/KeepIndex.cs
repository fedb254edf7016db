using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Catalog;

/// <summary>Keeps the search index as the catalog's own events tell. The store is asked, so an old event cannot bring back an old product.</summary>
public static class KeepIndex
{
    public static Task Created(ProductCreated product, AggregateStore store, SearchIndex index, CancellationToken stop) => Refresh(product.ProductId, store, index, stop);

    public static Task PriceChanged(PriceChanged product, AggregateStore store, SearchIndex index, CancellationToken stop) => Refresh(product.ProductId, store, index, stop);

    public static Task Discontinued(ProductDiscontinued product, AggregateStore store, SearchIndex index, CancellationToken stop) => Refresh(product.ProductId, store, index, stop);

    private static async Task Refresh(string productId, AggregateStore store, SearchIndex index, CancellationToken stop) =>
        index.Put(await store.Find<Product>(Product.KeyOf(productId), stop) ?? throw new RuleBrokenException($"There is no product '{productId}'."));
}
