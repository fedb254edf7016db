using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Inventory;

/// <summary>Reserves a new order's lines: all, or none.</summary>
public static class ReserveStock
{
    public static async Task Handle(OrderCreated order, AggregateStore store, StockLevels levels, CancellationToken stop)
    {
        var products = order.Lines.Select(line => line.ProductId).Distinct().ToList();

        // A repeat may come because the crash was before the levels were looked at: then all are.
        var crossed = products;
        await store.Change<Reservation, Stock>(Reservation.KeyOf(order.OrderId), [.. products.Select(Stock.KeyOf)], (reservation, stock) =>
        {
            if (reservation is not null)
            {
                return reservation.Unchanged(reservation.Answer);
            }

            var before = products.ToDictionary(id => id, id => stock[Stock.KeyOf(id)]);
            var reserved = Reservation.Reserve(order, stock);
            crossed = [.. products.Where(id => levels.Crosses(before[id], stock[Stock.KeyOf(id)]!))];
            return reserved;
        }, stop);
        await levels.Check(crossed, stop);
    }
}
