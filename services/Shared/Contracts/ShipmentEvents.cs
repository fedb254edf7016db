namespace Lavka.Contracts;

/// <summary>The parcel has left.</summary>
public sealed record ShipmentDispatched(string OrderId, string TrackingNumber) : IEvent
{
    public static string Type => "shipment.dispatched";

    public string PartitionKey => OrderId;
}

/// <summary>The customer has the parcel.</summary>
public sealed record ShipmentDelivered(string OrderId, string TrackingNumber) : IEvent
{
    public static string Type => "shipment.delivered";

    public string PartitionKey => OrderId;
}

/// <summary>The parcel was held back before it left; the order is to be cancelled.</summary>
public sealed record ShipmentStopped(string OrderId, string Reason) : IEvent
{
    public static string Type => "shipment.stopped";

    public string PartitionKey => OrderId;
}
