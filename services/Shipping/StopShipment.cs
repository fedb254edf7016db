using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Shipping;

/// <summary>Holds an order's parcel back, if it has not left. The order is cancelled by the event this tells.</summary>
public static class StopShipment
{
    public static Task Handle(string orderId, string reason, AggregateStore store, CancellationToken stop) => store.Accept<Shipment>(Shipment.KeyOf(orderId), shipment => shipment switch
    {
        null => new Shipment(orderId, ShipmentStatus.Stopped, "", Reason: reason).Telling(new ShipmentStopped(orderId, reason)),
        { Status: ShipmentStatus.Stopped } => shipment.Unchanged(),
        _ => throw RequestException.Conflict($"The parcel of order '{orderId}' has left."),
    }, stop);
}
