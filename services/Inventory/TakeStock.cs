using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Inventory;

/// <summary>Counts a paid order's pieces as sold.</summary>
public static class TakeStock
{
    public static Task Handle(OrderPaid order, AggregateStore store, CancellationToken stop) => store.Change<Reservation, Stock>(
        Reservation.KeyOf(order.OrderId), [.. order.Lines.Select(line => Stock.KeyOf(line.ProductId)).Distinct()],
        (reservation, stock) => reservation?.Take(stock) ?? throw new RuleBrokenException($"Order '{order.OrderId}' is paid but was never reserved."), stop);
}
