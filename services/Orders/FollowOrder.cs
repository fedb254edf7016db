using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Orders;

/// <summary>Takes an order on as its stock, its payment and its shipment tell.</summary>
public static class FollowOrder
{
    public static Task StockReserved(StockReserved stock, AggregateStore store, TimeProvider time, CancellationToken stop) => Apply(stock.OrderId, stock, store, time, stop);

    public static Task StockRejected(StockRejected stock, AggregateStore store, TimeProvider time, CancellationToken stop) => Apply(stock.OrderId, stock, store, time, stop);

    public static Task PaymentCompleted(PaymentCompleted payment, AggregateStore store, TimeProvider time, CancellationToken stop) => Apply(payment.OrderId, payment, store, time, stop);

    public static Task PaymentFailed(PaymentFailed payment, AggregateStore store, TimeProvider time, CancellationToken stop) => Apply(payment.OrderId, payment, store, time, stop);

    public static Task ShipmentDispatched(ShipmentDispatched shipment, AggregateStore store, TimeProvider time, CancellationToken stop) => Apply(shipment.OrderId, shipment, store, time, stop);

    public static Task ShipmentDelivered(ShipmentDelivered shipment, AggregateStore store, TimeProvider time, CancellationToken stop) => Apply(shipment.OrderId, shipment, store, time, stop);

    public static Task ShipmentReturned(ShipmentReturned shipment, AggregateStore store, TimeProvider time, CancellationToken stop) => Apply(shipment.OrderId, shipment, store, time, stop);

    public static Task ShipmentStopped(ShipmentStopped shipment, AggregateStore store, TimeProvider time, CancellationToken stop) => Apply(shipment.OrderId, shipment, store, time, stop);

    private static Task Apply(string orderId, IEvent @event, AggregateStore store, TimeProvider time, CancellationToken stop) => store.Change<Order>(
        Order.KeyOf(orderId), order => order?.Apply(@event, time.GetUtcNow(), Cause.Current) ?? throw new RuleBrokenException($"There is no order '{orderId}'."), stop);
}
