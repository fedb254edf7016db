using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Shipping;

/// <summary>Follows a shipment until the customer has it, or it is back. The event is acknowledged only then, so a crash on the way loses no parcel.</summary>
public static class DeliverShipment
{
    public static async Task Handle(ShipmentDispatched parcel, AggregateStore store, ICarrier carrier, CancellationToken stop)
    {
        var sent = await store.Find<Shipment>(Shipment.KeyOf(parcel.OrderId), stop) ?? throw new RuleBrokenException($"There is no parcel for order '{parcel.OrderId}'.");
        if (await carrier.Deliver(parcel.TrackingNumber, sent.Address, stop) is { } end)
        {
            await store.Change<Shipment>(Shipment.KeyOf(parcel.OrderId), shipment => shipment!.Report(null, end, null), stop);
        }
    }
}
