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
                return shipment.Unchanged();
            }

            keys.ForEach(key => tracked.Set(key, new(order.OrderId)));
            var numbers = packages.Select(package => package.TrackingNumber).ToList();
            return new Shipment(order.OrderId, ShipmentStatus.Dispatched, numbers[0], order.UserId, packages, order.Address).Telling(new ShipmentDispatched(order.OrderId, numbers[0], numbers));
        }, stop);
    }
}
