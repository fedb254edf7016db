using System.Globalization;
using Grpc.Core;
using Lavka.Contracts;
using Lavka.Contracts.Protos;
using Lavka.ServiceDefaults;

namespace Lavka.Orders;

/// <summary>What products cost: from Orders' own copy; from Catalog where a product is so new that its event has not come yet.</summary>
public sealed partial class PriceBook(AggregateStore store, Prices.PricesClient catalog, TimeProvider time, ILogger<PriceBook> log)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    /// <summary>The products that are for sale, by id.</summary>
    /// <exception cref="RequestException">503: Catalog had to be asked, and is away.</exception>
    public async Task<IReadOnlyDictionary<string, ProductCopy>> Find(IReadOnlyCollection<string> productIds, CancellationToken stop)
    {
        var copies = (await store.FindAll<ProductCopy>([.. productIds.Select(ProductCopy.KeyOf)], stop)).ToDictionary(copy => copy.ProductId);
        var unknown = productIds.Where(id => !copies.ContainsKey(id)).ToList();
        foreach (var product in unknown.Count == 0 ? [] : await AskCatalog(unknown, stop))
        {
            copies[product.ProductId] = new(product.ProductId, decimal.Parse(product.Price, CultureInfo.InvariantCulture), product.PriceVersion, product.IsDiscontinued);
        }

        return copies.Where(copy => !copy.Value.IsDiscontinued).ToDictionary();
    }

    private async Task<IEnumerable<ProductPrice>> AskCatalog(IEnumerable<string> productIds, CancellationToken stop)
    {
        try
        {
            var request = new GetPricesRequest { ProductIds = { productIds } };
            return (await catalog.GetAsync(request, deadline: time.GetUtcNow().UtcDateTime + Patience, cancellationToken: stop)).Products;
        }
        catch (RpcException e) when (!stop.IsCancellationRequested)
        {
            LogAway(e.Status.StatusCode, e.Status.Detail);
            throw Peers.Away(Topics.Catalog);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Catalog does not tell the price of a new product: {Status}: {Problem}")]
    private partial void LogAway(StatusCode status, string problem);
}
