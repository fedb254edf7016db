using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace Lavka.Catalog;

/// <summary>The API: <c>/v2/products</c>.</summary>
public static class V2
{
    public sealed record ProductBody(string? Name, decimal? Price, long? Stock, string? Description, string? Category);

    public sealed record PriceBody(decimal? Price);

    public sealed record ProductView(string Id, string Name, string? Description, string? Category, decimal Price, DateTimeOffset CreatedAt)
    {
        public static ProductView Of(Product product) => new(product.ProductId, product.Name, product.Description, product.Category, product.Price, product.CreatedAt);
    }

    public static void MapV2(this WebApplication app)
    {
        var products = app.MapGroup("/v2/products").WithTags("Products");
        products.MapGet("", Ok<Page<ProductView>> (
            string? q, string? category, decimal? minPrice, decimal? maxPrice, string? sort, string? cursor, int? limit, SearchIndex index) =>
        {
            var page = index.Find(new(q, category, minPrice, maxPrice, sort, cursor, limit));
            return TypedResults.Ok(new Page<ProductView>([.. page.Items.Select(ProductView.Of)], page.NextCursor));
        }).WithSummary("Search: words of name and description by their beginnings (q), category, prices; sorted by newest, name, price or -price. Anybody may.");
        products.MapGet("/{id}", async Task<Ok<ProductView>> (string id, AggregateStore store, CancellationToken stop) =>
            await store.Find<Product>(Product.KeyOf(id), stop) is { IsDiscontinued: false } product
                ? TypedResults.Ok(ProductView.Of(product))
                : throw RequestException.NotFound($"There is no product '{id}'."))
            .WithSummary("A product. Anybody may.");
        products.MapPost("", async Task<Created<ProductView>> (
            ProductBody product, [FromHeader(Name = "Idempotency-Key")] string? idempotencyKey, Caller caller, AggregateStore store, SearchIndex index, TimeProvider time, CancellationToken stop) =>
        {
            caller.MustBeOperator();
            var wanted = new NewProduct(product.Name, product.Price, product.Stock, product.Description, product.Category, idempotencyKey);
            var added = await AddProduct.Handle(wanted, store, index, time, stop);
            return TypedResults.Created($"/v2/products/{added.ProductId}", ProductView.Of(added));
        }).WithSummary("Put a product up for sale. For operators.");
        products.MapPatch("/{id}", async Task<Ok<ProductView>> (string id, PriceBody change, Caller caller, AggregateStore store, SearchIndex index, CancellationToken stop) =>
        {
            caller.MustBeOperator();
            return TypedResults.Ok(ProductView.Of(await ChangePrice.Handle(id, change.Price, store, index, stop)));
        }).WithSummary("Change a product's price; carts show it, placed orders keep theirs. For operators.");
        products.MapDelete("/{id}", async Task<NoContent> (string id, Caller caller, AggregateStore store, SearchIndex index, CancellationToken stop) =>
        {
            caller.MustBeOperator();
            await DiscontinueProduct.Handle(id, store, index, stop);
            return TypedResults.NoContent();
        }).WithSummary("Take a product off sale for good. For operators.");
    }
}
