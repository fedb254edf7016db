using System.Globalization;
using Grpc.Core;
using Lavka.Contracts.Protos;
using Lavka.ServiceDefaults;

namespace Lavka.Catalog;

/// <summary>Tells other services what products cost, see <c>protos/catalog.proto</c>.</summary>
public sealed class PricesService(AggregateStore store) : Prices.PricesBase
{
    private const int MostIds = 100;

    public override async Task<GetPricesResponse> Get(GetPricesRequest request, ServerCallContext context)
    {
        if (request.ProductIds.Count > MostIds)
        {
            throw new RpcException(new(StatusCode.InvalidArgument, $"There are {request.ProductIds.Count} product ids; allowed are {MostIds}."));
        }

        var products = await store.FindAll<Product>([.. request.ProductIds.Distinct().Select(Product.KeyOf)], context.CancellationToken);
        return new()
        {
            Products =
            {
                products.Select(product => new ProductPrice
                {
                    ProductId = product.ProductId,
                    Price = product.Price.ToString(CultureInfo.InvariantCulture),
                    PriceVersion = product.PriceVersion,
                    IsDiscontinued = product.IsDiscontinued,
                }),
            },
        };
    }
}
