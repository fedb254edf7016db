using System.Text.Json.Serialization;
using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace Lavka.Orders;

/// <summary>The plain API: <c>/v1/orders</c> and <c>/v1/users/{id}/orders</c>.</summary>
public static class V1
{
    public sealed record NewOrder([property: JsonPropertyName("user_id")] string? UserId, IReadOnlyList<NewItem>? Items);

    public sealed record NewItem([property: JsonPropertyName("product_id")] string? ProductId, long? Quantity, decimal? Price);

    public sealed record StatusChange(string? Status);

    public sealed record ItemView([property: JsonPropertyName("product_id")] string ProductId, long Quantity, decimal Price);

    public sealed record OrderView(
        string Id, [property: JsonPropertyName("user_id")] string UserId, string Status, IEnumerable<ItemView> Items, decimal Total,
        [property: JsonPropertyName("created_at")] DateTimeOffset CreatedAt, string? Reason, [property: JsonPropertyName("tracking_number")] string? TrackingNumber)
    {
        public static OrderView Of(Order order) => new(
            order.OrderId, order.UserId, order.Status.ToName(), order.Lines.Select(line => new ItemView(line.ProductId, line.Quantity, line.Price)), order.Total,
            order.CreatedAt, order.Reason, order.TrackingNumber);
    }

    public static void MapV1(this WebApplication app)
    {
        var orders = app.MapGroup("/v1/orders").WithTags("Orders");
        orders.MapPost("", async Task<Created<OrderView>> (
            NewOrder order, [FromHeader(Name = "Idempotency-Key")] string? idempotencyKey, PlaceOrder place, CancellationToken stop) =>
        {
            var wanted = order.Items?.Select(item => new WantedLine(item?.ProductId, item?.Quantity, item?.Price)).ToList();
            var placed = await place.Handle(new(order.UserId, wanted, idempotencyKey), stop);
            return TypedResults.Created($"/v1/orders/{placed.OrderId}", OrderView.Of(placed));
        }).WithSummary("Place an order, at the catalog's prices; a price that is given is only compared.");
        orders.MapGet("/{id}", async Task<Ok<OrderView>> (string id, AggregateStore store, CancellationToken stop) =>
            await store.Find<Order>(Order.KeyOf(id), stop) is { } order ? TypedResults.Ok(OrderView.Of(order)) : throw RequestException.NotFound($"There is no order '{id}'."))
            .WithSummary("An order.");
        orders.MapPatch("/{id}/status", async Task<Ok<OrderView>> (string id, StatusChange change, Caller caller, AggregateStore store, Peers peers, TimeProvider time, CancellationToken stop) =>
            TypedResults.Ok(OrderView.Of(await ChangeStatus.Handle(id, change.Status, caller, store, peers, time, stop))))
            .WithSummary("Cancel an order that has not left; every other status follows from stock, payment and shipment.");
        orders.MapGet("", ([FromQuery(Name = "user_id")] string? userId, string? page, HttpContext http, AggregateStore store, CancellationToken stop) =>
            !Ids.CanBe(userId) ? throw RequestException.Bad("The user_id is required: /v1/orders?user_id=...") : List(userId!, page, http, store, stop))
            .WithSummary("A user's orders (user_id), newest page first; the Link header leads to the next page.");
        app.MapGet("/v1/users/{userId}/orders", List).WithTags("Orders").WithSummary("A user's orders, newest page first; the Link header leads to the next page.");
    }

    private static async Task<Ok<IEnumerable<OrderView>>> List(string userId, string? page, HttpContext http, AggregateStore store, CancellationToken stop)
    {
        var (ids, earlier) = await IdList.Page(store, Order.IndexOf(userId), page, stop);
        http.LinkToNextPage(earlier);
        return TypedResults.Ok((await store.FindAll<Order>([.. ids.Select(Order.KeyOf)], stop)).Select(OrderView.Of));
    }
}
