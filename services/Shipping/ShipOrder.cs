using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Shipping;

/// <summary>Packs and sends a paid order, unless it was held back.</summary>
public static class ShipOrder
{
    public static Task Handle(OrderPaid order, AggregateStore store, ICarrier carrier, CancellationToken stop)
    {
        var packages = Package.Pack(order.Lines, number => carrier.TrackingNumber(order.OrderId, number));
        var keys = packages.Select(package => TrackedPackage.KeyOf(package.TrackingNumber)).ToList();
        return store.Change<Shipment, TrackedPackage>(Shipment.KeyOf(order.OrderId), keys, (shipment, tracked) =>
        {
            if (shipment is not null)
            {
                return shipment.Unchanged(shipment.Answer);
            }

            keys.ForEach(key => tracked.Set(key, new(order.OrderId)));
            var sent = new Shipment(order.OrderId, ShipmentStatus.Dispatched, packages[0].TrackingNumber, order.UserId, packages, order.Address);
            return sent.Telling(sent.Answer);
        }, stop);
    }
}
