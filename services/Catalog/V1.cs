using System.Text.Json.Serialization;
using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lavka.Catalog;

/// <summary>The plain API: <c>/v1/products</c>.</summary>
public static class V1
{
    public sealed record Wanted(string? Name, decimal? Price, long? Stock);

    public sealed record ProductChange(decimal? Price);

    public sealed record ProductView(
        string Id, string Name, decimal Price, [property: JsonPropertyName("price_version")] long PriceVersion,
        [property: JsonPropertyName("initial_stock")] long InitialStock, [property: JsonPropertyName("created_at")] DateTimeOffset CreatedAt)
    {
        public static ProductView Of(Product product) => new(product.ProductId, product.Name, product.Price, product.PriceVersion, product.InitialStock, product.CreatedAt);
    }

    public static void MapV1(this WebApplication app)
    {
        var products = app.MapGroup("/v1/products").WithTags("Products");
        products.MapPost("", async Task<Created<ProductView>> (Wanted product, AggregateStore store, SearchIndex index, TimeProvider time, CancellationToken stop) =>
        {
            var created = await AddProduct.Handle(new(product.Name, product.Price, product.Stock), store, index, time, stop);
            return TypedResults.Created($"/v1/products/{created.ProductId}", ProductView.Of(created));
        }).WithSummary("Put a product up for sale.");
        products.MapGet("/{id}", async Task<Ok<ProductView>> (string id, AggregateStore store, CancellationToken stop) =>
            await store.Find<Product>(Product.KeyOf(id), stop) is { IsDiscontinued: false } product
                ? TypedResults.Ok(ProductView.Of(product))
                : throw RequestException.NotFound($"There is no product '{id}'."))
            .WithSummary("A product.");
        products.MapGet("", async Task<Ok<IEnumerable<ProductView>>> (string? page, HttpContext http, AggregateStore store, CancellationToken stop) =>
        {
            var (ids, earlier) = await IdList.Page(store, Product.Index, page, stop);
            http.LinkToNextPage(earlier);
            var found = await store.FindAll<Product>([.. ids.Select(Product.KeyOf)], stop);
            return TypedResults.Ok(found.Where(product => !product.IsDiscontinued).Select(ProductView.Of));
        }).WithSummary("Products, newest page first; the Link header leads to the next page.");
        products.MapPatch("/{id}", async Task<Ok<ProductView>> (string id, ProductChange change, AggregateStore store, SearchIndex index, CancellationToken stop) =>
            TypedResults.Ok(ProductView.Of(await ChangePrice.Handle(id, change.Price, store, index, stop))))
            .WithSummary("Change a product's price.");
        products.MapDelete("/{id}", async Task<NoContent> (string id, AggregateStore store, SearchIndex index, CancellationToken stop) =>
        {
            await DiscontinueProduct.Handle(id, store, index, stop);
            return TypedResults.NoContent();
        }).WithSummary("Take a product off sale for good.");
    }
}
