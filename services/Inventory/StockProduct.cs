using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Inventory;

/// <summary>Puts a new product's pieces on the shelf, once.</summary>
public static class StockProduct
{
    public static async Task Handle(ProductCreated product, AggregateStore store, StockLevels levels, CancellationToken stop)
    {
        var key = Stock.KeyOf(product.ProductId);
        await store.Change<StockedProduct, Stock>(StockedProduct.KeyOf(product.ProductId), [key], (stocked, stock) =>
        {
            if (stocked is not null)
            {
                return stocked.Unchanged();
            }

            stock.Set(key, new(product.ProductId, product.Stock, 0, 0));
            return new StockedProduct(product.ProductId).Quietly();
        }, stop);
        await levels.Check([product.ProductId], stop);
    }
}
