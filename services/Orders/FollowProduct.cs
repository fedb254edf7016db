using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Orders;

/// <summary>Keeps Orders' copy of the products, in whatever order their events come.</summary>
public static class FollowProduct
{
    public static Task Created(ProductCreated product, AggregateStore store, CancellationToken stop) => store.Change<ProductCopy>(
        ProductCopy.KeyOf(product.ProductId), copy => copy?.Unchanged() ?? new ProductCopy(product.ProductId, product.Price, 1, IsDiscontinued: false).Quietly(), stop);

    public static Task PriceChanged(PriceChanged product, AggregateStore store, CancellationToken stop) => store.Change<ProductCopy>(
        ProductCopy.KeyOf(product.ProductId), copy => copy is null ? new ProductCopy(product.ProductId, product.Price, product.Version, IsDiscontinued: false).Quietly()
            : copy.PriceVersion >= product.Version ? copy.Unchanged()
            : (copy with { Price = product.Price, PriceVersion = product.Version }).Quietly(), stop);

    public static Task Discontinued(ProductDiscontinued product, AggregateStore store, CancellationToken stop) => store.Change<ProductCopy>(
        ProductCopy.KeyOf(product.ProductId), copy => copy is { IsDiscontinued: true } ? copy.Unchanged()
            : ((copy ?? new ProductCopy(product.ProductId, 0, long.MaxValue, false)) with { IsDiscontinued = true }).Quietly(), stop);
}
