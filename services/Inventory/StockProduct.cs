using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Inventory;

/// <summary>Puts a new product's pieces on the shelf, once.</summary>
public static class StockProduct
{
    public static Task Handle(ProductCreated product, AggregateStore store, CancellationToken stop)
    {
        var key = Stock.KeyOf(product.ProductId);
        return store.Change<StockedProduct, Stock>(StockedProduct.KeyOf(product.ProductId), [key], (stocked, stock) =>
        {
            if (stocked is not null)
            {
                return stocked.Unchanged();
            }

            stock.Set(key, new(product.ProductId, product.Stock, 0, 0));
            return new StockedProduct(product.ProductId).Quietly();
        }, stop);
    }
}
