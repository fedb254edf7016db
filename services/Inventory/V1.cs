using System.Text.Json.Serialization;
using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lavka.Inventory;

/// <summary>The plain API: <c>/v1/inventory</c>.</summary>
public static class V1
{
    public sealed record StockView([property: JsonPropertyName("product_id")] string ProductId, [property: JsonPropertyName("on_hand")] long OnHand, long Reserved, long Sold);

    public static void MapV1(this WebApplication app) =>
        app.MapGet("/v1/inventory/{productId}", async Task<Ok<StockView>> (string productId, AggregateStore store, CancellationToken stop) =>
            await store.FindPart<Stock>(Stock.KeyOf(productId), stop) is { } stock
                ? TypedResults.Ok(new StockView(stock.ProductId, stock.OnHand, stock.Reserved, stock.Sold))
                : throw RequestException.NotFound($"There is no stock of a product '{productId}'."))
            .WithTags("Inventory").WithSummary("How many pieces of a product are on hand, reserved and sold.");
}
