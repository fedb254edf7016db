namespace Lavka.Contracts;

/// <summary>The order's packages have left.</summary>
/// <param name="TrackingNumber">The first package's number.</param>
/// <param name="TrackingNumbers">Every package's number.</param>
public sealed record ShipmentDispatched(string OrderId, string TrackingNumber, IReadOnlyList<string>? TrackingNumbers = null) : IEvent
{
    public static string Topic => Topics.Shipping;

    public static string Type => "shipment.dispatched";

    public string PartitionKey => OrderId;
}

/// <summary>The customer has the parcel.</summary>
public sealed record ShipmentDelivered(string OrderId, string TrackingNumber) : IEvent
{
    public static string Topic => Topics.Shipping;

    public static string Type => "shipment.delivered";

    public string PartitionKey => OrderId;
}

/// <summary>The parcel was held back before it left; the order is to be cancelled.</summary>
public sealed record ShipmentStopped(string OrderId, string Reason) : IEvent
{
    public static string Topic => Topics.Shipping;

    public static string Type => "shipment.stopped";

    public string PartitionKey => OrderId;
}

/// <summary>A package could not be handed over; the carrier has brought the shipment back.</summary>
public sealed record ShipmentReturned(string OrderId, string TrackingNumber, string Reason) : IEvent
{
    public static string Topic => Topics.Shipping;

    public static string Type => "shipment.returned";

    public string PartitionKey => OrderId;
}
