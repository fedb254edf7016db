using Lavka.Contracts;
using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace Lavka.Orders;

/// <summary>The API: <c>/v2/orders</c> and <c>/v2/users/{id}/orders</c>; carts are in <see cref="V2Carts"/>.</summary>
public static class V2
{
    public sealed record NewItem(string? ProductId, long? Quantity, decimal? Price);

    /// <param name="UserId">For operators, who order for others.</param>
    /// <param name="PayWithinSeconds">How long the order waits for its payment, if shorter than the shop's own deadline.</param>
    public sealed record NewOrder(IReadOnlyList<NewItem>? Items, string? UserId, Address? Address, double? PayWithinSeconds);

    public sealed record StatusChange(string? Status);

    public sealed record ItemView(string ProductId, long Quantity, decimal Price);

    public sealed record OrderView(
        string Id, string UserId, string Status, IReadOnlyList<ItemView> Items, decimal Total, DateTimeOffset CreatedAt, string? Reason, string? TrackingNumber, Address? Address,
        IReadOnlyList<string> AllowedStatuses)
    {
        public static OrderView Of(Order order) => new(
            order.OrderId, order.UserId, order.Status.ToName(), [.. order.Lines.Select(line => new ItemView(line.ProductId, line.Quantity, line.Price))], order.Total,
            order.CreatedAt, order.Reason, order.TrackingNumber, order.Address, [.. order.Lawful.Select(one => one.ToName())]);
    }

    /// <param name="EventId">The event that made the change; null: a client, or the deadline.</param>
    public sealed record ChangeView(string Status, DateTimeOffset At, string? Reason, string? EventId, string? EventType);

    public sealed record HistoryView(string OrderId, IReadOnlyList<ChangeView> Changes);

    public static void MapV2(this WebApplication app)
    {
        var orders = app.MapGroup("/v2/orders").WithTags("Orders");
        orders.MapPost("", async Task<Created<OrderView>> (
            NewOrder order, [FromHeader(Name = "Idempotency-Key")] string? idempotencyKey, Caller caller, PlaceOrder place, CancellationToken stop) =>
        {
            var userId = order.UserId ?? caller.UserId;
            if (userId is not null && !caller.MayAct(userId))
            {
                throw RequestException.Forbidden("Only an operator orders for others.");
            }

            var lines = order.Items?.Select(item => new WantedLine(item?.ProductId, item?.Quantity, item?.Price)).ToList();
            var placed = await place.Handle(new(userId, lines, idempotencyKey, order.Address, order.PayWithinSeconds), stop);
            return TypedResults.Created($"/v2/orders/{placed.OrderId}", OrderView.Of(placed));
        }).WithSummary("Place an order, at the catalog's prices; a price that is given is only compared.");
        orders.MapGet("/{id}", async Task<Ok<OrderView>> (string id, Caller caller, AggregateStore store, CancellationToken stop) =>
            TypedResults.Ok(OrderView.Of(await Find(id, caller, store, stop)))).WithSummary("An order.");
        orders.MapGet("/{id}/history", async Task<Ok<HistoryView>> (string id, Caller caller, AggregateStore store, CancellationToken stop) =>
        {
            var order = await Find(id, caller, store, stop);
            return TypedResults.Ok(new HistoryView(id, [.. (order.History ?? []).Select(change => new ChangeView(change.Status.ToName(), change.At, change.Reason, change.Cause?.Id, change.Cause?.Type))]));
        }).WithSummary("Every change of an order: when, why, and caused by which event.");
        orders.MapPatch("/{id}/status", async Task<Ok<OrderView>> (string id, StatusChange change, Caller caller, AggregateStore store, Peers peers, TimeProvider time, CancellationToken stop) =>
            TypedResults.Ok(OrderView.Of(await ChangeStatus.Handle(id, change.Status, caller, store, peers, time, stop))))
            .WithSummary("Cancel an order that has not left. 409 says what is allowed.");
        app.MapGet("/v2/users/{userId}/orders", async Task<Ok<Page<OrderView>>> (string userId, string? status, string? cursor, int? limit, Caller caller, AggregateStore store, CancellationToken stop) =>
        {
            caller.MustBe(userId);

            if (status is not null && !Enum.GetNames<OrderStatus>().Contains(status, StringComparer.OrdinalIgnoreCase))
            {
                throw RequestException.Bad($"The status '{status}' is none; there are {string.Join(", ", Enum.GetValues<OrderStatus>().Select(one => one.ToName()))}.");
            }

            var page = await Page.Of<Order>(store, Order.IndexOf(userId), Order.KeyOf, cursor, limit, status is null ? null : order => order.Status.ToName() == status.ToLowerInvariant(), stop);
            return TypedResults.Ok(new Page<OrderView>([.. page.Items.Select(OrderView.Of)], page.NextCursor));
        }).WithTags("Orders").WithSummary("A user's orders, newest first.");
    }

    private static async Task<Order> Find(string id, Caller caller, AggregateStore store, CancellationToken stop) =>
        await store.Find<Order>(Order.KeyOf(id), stop) is { } order && caller.MayAct(order.UserId) ? order : throw RequestException.NotFound($"There is no order '{id}'.");
}
