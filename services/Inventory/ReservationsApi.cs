using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lavka.Inventory;

/// <summary>What other services may ask about an order's pieces: <c>/reservations</c>.</summary>
public static class ReservationsApi
{
    public sealed record ReservationView(string OrderId, string Status);

    public static void MapReservations(this WebApplication app) =>
        app.MapGet("/reservations/{orderId}", async Task<Ok<ReservationView>> (string orderId, AggregateStore store, CancellationToken cancellationToken) =>
            await store.Find<Reservation>(Reservation.KeyOf(orderId), cancellationToken) is { } reservation
                ? TypedResults.Ok(new ReservationView(reservation.OrderId, reservation.Status.ToName()))
                : throw RequestException.NotFound($"There is no reservation for an order '{orderId}'."));
}
