using System.Text.Json.Serialization;
using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lavka.Shipping;

/// <summary>The plain API: <c>/v1/shipments</c>; and what Orders asks when a paid order is to be cancelled, which the Gateway does not pass on.</summary>
public static class V1
{
    public sealed record ShipmentView([property: JsonPropertyName("order_id")] string OrderId, string Status, [property: JsonPropertyName("tracking_number")] string TrackingNumber);

    public static void MapV1(this WebApplication app)
    {
        app.MapGet("/v1/shipments/{orderId}", async Task<Ok<ShipmentView>> (string orderId, AggregateStore store, CancellationToken stop) =>
            await store.Find<Shipment>(Shipment.KeyOf(orderId), stop) is { } shipment
                ? TypedResults.Ok(new ShipmentView(shipment.OrderId, shipment.Status.ToName(), shipment.TrackingNumber))
                : throw RequestException.NotFound($"There is no shipment for an order '{orderId}'."))
            .WithTags("Shipments").WithSummary("An order's parcel, and where it is.");
        app.MapPost("/shipments/{orderId}/stop", async Task<NoContent> (string orderId, AggregateStore store, CancellationToken stop) =>
        {
            await StopShipment.Handle(orderId, "The customer cancelled it.", store, stop);
            return TypedResults.NoContent();
        });
    }
}
