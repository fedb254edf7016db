using System.Text.Json.Serialization;
using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Orders;

/// <summary>What products cost: from Orders' own copy; from Catalog where a product is so new that its event has not come yet.</summary>
public sealed class PriceBook(AggregateStore store, Peers peers)
{
    private sealed record CatalogProduct(string Id, decimal Price, [property: JsonPropertyName("price_version")] long PriceVersion);

    /// <summary>The products that are for sale, by id.</summary>
    /// <exception cref="RequestException">503: Catalog had to be asked, and is away.</exception>
    public async Task<IReadOnlyDictionary<string, ProductCopy>> Find(IReadOnlyCollection<string> productIds, CancellationToken stop)
    {
        var copies = (await store.FindAll<ProductCopy>([.. productIds.Select(ProductCopy.KeyOf)], stop)).ToDictionary(copy => copy.ProductId);
        foreach (var productId in productIds.Where(id => !copies.ContainsKey(id)))
        {
            if (await peers.Get<CatalogProduct>(Topics.Catalog, $"/v1/products/{Uri.EscapeDataString(productId)}", stop) is { } product && product.Id == productId)
            {
                copies[productId] = new(product.Id, product.Price, product.PriceVersion, IsDiscontinued: false);
            }
        }

        return copies.Where(copy => !copy.Value.IsDiscontinued).ToDictionary();
    }
}
