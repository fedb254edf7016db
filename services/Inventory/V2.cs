using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace Lavka.Inventory;

/// <summary>The API: <c>/v2/inventory</c>.</summary>
public static class V2
{
    public sealed record StockView(string ProductId, long OnHand, long Reserved, long Sold, bool IsDiscontinued);

    public sealed record Pieces(long? Quantity);

    public sealed record RestockView(string Id, string ProductId, long Quantity, DateTimeOffset At);

    public static void MapV2(this WebApplication app)
    {
        var inventory = app.MapGroup("/v2/inventory").WithTags("Inventory");
        inventory.MapGet("/{productId}", async Task<Ok<StockView>> (string productId, AggregateStore store, CancellationToken stop) =>
            await store.FindPart<Stock>(Stock.KeyOf(productId), stop) is { } stock
                ? TypedResults.Ok(new StockView(stock.ProductId, stock.OnHand, stock.Reserved, stock.Sold, stock.IsDiscontinued))
                : throw RequestException.NotFound($"There is no stock of a product '{productId}'."))
            .WithSummary("How many pieces of a product are on hand, reserved and sold. Anybody may.");
        inventory.MapPost("/{productId}/restocks", async Task<Created<RestockView>> (
            string productId, Pieces pieces, [FromHeader(Name = "Idempotency-Key")] string? idempotencyKey, Caller caller, AggregateStore store, TimeProvider time, CancellationToken stop) =>
        {
            caller.MustBeOperator();
            var restock = await Restock.Handle(productId, pieces.Quantity, idempotencyKey, store, time, stop);
            return TypedResults.Created($"/v2/inventory/{productId}", new RestockView(restock.RestockId, restock.ProductId, restock.Quantity, restock.At));
        }).WithSummary("Put more pieces on the shelf. For operators.");
    }
}
