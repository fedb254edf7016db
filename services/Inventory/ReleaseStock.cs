using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Inventory;

/// <summary>Puts a cancelled order's pieces back. An order that is cancelled before it was reserved is never reserved.</summary>
public static class ReleaseStock
{
    public static async Task Handle(OrderCancelled order, AggregateStore store, CancellationToken stop)
    {
        // The lines are the reservation's; what it holds does not change once it is there.
        var lines = (await store.Find<Reservation>(Reservation.KeyOf(order.OrderId), stop))?.Lines ?? [];
        await store.Change<Reservation, Stock>(
            Reservation.KeyOf(order.OrderId), [.. lines.Select(line => Stock.KeyOf(line.ProductId)).Distinct()],
            (reservation, stock) => reservation is null ? new Reservation(order.OrderId, ReservationStatus.Released, []).Quietly()
                : reservation.Lines.Count == lines.Count ? reservation.Release(stock)
                : throw new InvalidOperationException($"Order '{order.OrderId}' was reserved this very moment."), stop);
    }
}
