using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Inventory;

/// <summary>Reserves a new order's lines: all, or none.</summary>
public static class ReserveStock
{
    public static Task Handle(OrderCreated order, AggregateStore store, CancellationToken stop) => store.Change<Reservation, Stock>(
        Reservation.KeyOf(order.OrderId), [.. order.Lines.Select(line => Stock.KeyOf(line.ProductId)).Distinct()],
        (reservation, stock) => reservation?.Unchanged() ?? Reservation.Reserve(order, stock), stop);
}
