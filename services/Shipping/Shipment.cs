using System.Text.Json.Serialization;

namespace Lavka.Shipping;

[JsonConverter(typeof(JsonStringEnumConverter<ShipmentStatus>))]
public enum ShipmentStatus
{
    /// <summary>The parcel has left.</summary>
    Dispatched,

    /// <summary>The customer has it.</summary>
    Delivered,

    /// <summary>It was held back, and does not leave any more.</summary>
    Stopped,
}

/// <summary>An order's parcel. There is one for an order, whatever comes twice or late; whether it leaves or is held back is decided here, once.</summary>
public sealed record Shipment(string OrderId, ShipmentStatus Status, string TrackingNumber)
{
    public static string KeyOf(string orderId) => $"shipment-{orderId}";
}
