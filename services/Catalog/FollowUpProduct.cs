using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Catalog;

/// <summary>A new product waits until Inventory has it on the shelf: before that, nobody's order can be reserved.</summary>
public sealed class FollowUpProduct(Peers peers) : IFollowUp<Product>
{
    private sealed record Shelf;

    public async Task<bool> Handle(Product product, CancellationToken cancellationToken) =>
        await peers.Get<Shelf>(Topics.Inventory, $"/v1/inventory/{product.ProductId}", cancellationToken) is null;
}
