using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Shipping;

/// <summary>Follows a parcel until the customer has it. The event is acknowledged only then, so a crash on the way loses no parcel.</summary>
public static class DeliverShipment
{
    public static async Task Handle(ShipmentDispatched parcel, AggregateStore store, ICarrier carrier, CancellationToken stop)
    {
        await carrier.Deliver(parcel.TrackingNumber, stop);
        await store.Change<Shipment>(Shipment.KeyOf(parcel.OrderId), shipment => shipment is not { Status: ShipmentStatus.Dispatched }
            ? shipment?.Unchanged() ?? throw new RuleBrokenException($"There is no parcel for order '{parcel.OrderId}'.")
            : (shipment with { Status = ShipmentStatus.Delivered }).Telling(new ShipmentDelivered(parcel.OrderId, parcel.TrackingNumber)), stop);
    }
}
