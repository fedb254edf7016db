using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Inventory;

/// <summary>Puts the pieces of an order that is off back on hand: cancelled, or brought back by the carrier. An order that is cancelled before it was reserved is never reserved.</summary>
public static class ReleaseStock
{
    public static Task Cancelled(OrderCancelled order, AggregateStore store, StockLevels levels, CancellationToken stop) => Release(order.OrderId, store, levels, stop);

    public static Task Returned(OrderReturned order, AggregateStore store, StockLevels levels, CancellationToken stop) => Release(order.OrderId, store, levels, stop);

    private static async Task Release(string orderId, AggregateStore store, StockLevels levels, CancellationToken stop)
    {
        // The lines are the reservation's; what it holds does not change once it is there.
        var lines = (await store.Find<Reservation>(Reservation.KeyOf(orderId), stop))?.Lines ?? [];
        var products = lines.Select(line => line.ProductId).Distinct().ToList();
        var crossed = products;
        var wasReservedMeanwhile = false;
        await store.Change<Reservation, Stock>(Reservation.KeyOf(orderId), [.. products.Select(Stock.KeyOf)], (reservation, stock) =>
        {
            if (reservation is null)
            {
                return new Reservation(orderId, ReservationStatus.Released, []).Quietly();
            }

            wasReservedMeanwhile = reservation.Lines.Count != lines.Count;
            if (wasReservedMeanwhile)
            {
                return reservation.Unchanged();
            }

            var before = products.ToDictionary(id => id, id => stock[Stock.KeyOf(id)]);
            var released = reservation.Release(stock);
            crossed = released.IsChanged ? [.. products.Where(id => levels.Crosses(before[id], stock[Stock.KeyOf(id)]!))] : products;
            return released;
        }, stop);
        await (wasReservedMeanwhile ? Release(orderId, store, levels, stop) : levels.Check(crossed, stop));
    }
}
