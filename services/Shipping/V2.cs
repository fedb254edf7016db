using Dapr.Client;
using Lavka.Contracts;
using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace Lavka.Shipping;

/// <summary>The API: <c>/v2/shipments</c>, and the carrier's webhook.</summary>
public static class V2
{
    public sealed record PackageView(string TrackingNumber, string Status, IReadOnlyList<PackedLine> Lines);

    public sealed record PackedLine(string ProductId, long Quantity);

    public sealed record ShipmentView(string OrderId, string Status, Address? Address, IReadOnlyList<PackageView> Packages)
    {
        public static ShipmentView Of(Shipment shipment) => new(shipment.OrderId, shipment.Status.ToName(), shipment.Address, [.. (shipment.Packages ?? []).Select(package =>
            new PackageView(package.TrackingNumber, package.Status.ToName(), [.. package.Lines.Select(line => new PackedLine(line.ProductId, line.Quantity))]))]);
    }

    public static void MapV2(this WebApplication app)
    {
        app.MapGet("/v2/shipments/{orderId}", async Task<Ok<ShipmentView>> (string orderId, Caller caller, AggregateStore store, CancellationToken stop) =>
            await store.Find<Shipment>(Shipment.KeyOf(orderId), stop) is { } shipment && caller.MayAct(shipment.UserId)
                ? TypedResults.Ok(ShipmentView.Of(shipment))
                : throw RequestException.NotFound($"There is no shipment for an order '{orderId}'."))
            .WithTags("Shipments").WithSummary("An order's packages, and where they are.");
        app.MapPost("/v2/webhooks/carrier", async Task<NoContent> (
            HttpRequest request, [FromHeader(Name = ReportParcel.SignatureHeader)] string? signature, AggregateStore store, DaprClient dapr, TimeProvider time, CancellationToken stop) =>
        {
            using var body = new MemoryStream();
            await request.Body.CopyToAsync(body, stop);
            await ReportParcel.Handle(body.ToArray(), signature, store, dapr, time, stop);
            return TypedResults.NoContent();
        }).Accepts<ReportParcel.Report>("application/json").WithTags("Shipments").WithSummary("The carrier tells where a package is. Signed, see docs/api-v2.md.");
    }
}
