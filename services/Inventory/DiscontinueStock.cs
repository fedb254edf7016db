using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Inventory;

/// <summary>Nothing more is reserved of a product that is not for sale any more. What is reserved already, is delivered.</summary>
public static class DiscontinueStock
{
    public static Task Handle(ProductDiscontinued product, AggregateStore store, CancellationToken stop)
    {
        var key = Stock.KeyOf(product.ProductId);
        return store.Change<StockedProduct, Stock>(StockedProduct.KeyOf(product.ProductId), [key], (stocked, stock) =>
        {
            if (stocked is null)
            {
                // The event that stocks it is still on its way.
                throw new ProductNotStockedException(product.ProductId);
            }

            if (stocked.IsDiscontinued)
            {
                return stocked.Unchanged();
            }

            stock.Set(key, stock[key]! with { IsDiscontinued = true });
            return (stocked with { IsDiscontinued = true }).Quietly();
        }, stop);
    }
}
