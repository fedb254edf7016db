using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Shipping;

/// <summary>Sends a paid order's parcel, unless it was held back.</summary>
public static class ShipOrder
{
    public static Task Handle(OrderPaid order, AggregateStore store, ICarrier carrier, CancellationToken stop) => store.Change<Shipment>(Shipment.KeyOf(order.OrderId), shipment =>
    {
        var trackingNumber = carrier.TrackingNumber(order.OrderId);
        return shipment?.Unchanged()
            ?? new Shipment(order.OrderId, ShipmentStatus.Dispatched, trackingNumber).Telling(new ShipmentDispatched(order.OrderId, trackingNumber));
    }, stop);
}
