namespace Lavka.Contracts;

/// <summary>A product, how many pieces of it, and the price of one.</summary>
public sealed record OrderLine(string ProductId, long Quantity, decimal Price);

/// <summary>Where a parcel goes.</summary>
public sealed record Address(string Name, string Street, string PostalCode, string City, string Country);

/// <summary>A customer ordered; the order is pending.</summary>
/// <param name="Address">Where to; null: the customer fetches it.</param>
/// <param name="PayWithinSeconds">The customer's own deadline for the payment, shorter than the shop's.</param>
public sealed record OrderCreated(
    string OrderId, string UserId, IReadOnlyList<OrderLine> Lines, decimal Total, Address? Address = null, double? PayWithinSeconds = null) : IEvent
{
    public static string Topic => Topics.Orders;

    public static string Type => "order.created";

    public string PartitionKey => OrderId;
}

/// <summary>The order's stock is reserved; it is to be charged.</summary>
public sealed record OrderConfirmed(string OrderId, string UserId, decimal Total) : IEvent
{
    public static string Topic => Topics.Orders;

    public static string Type => "order.confirmed";

    public string PartitionKey => OrderId;
}

/// <summary>The order is paid; it is to be shipped.</summary>
public sealed record OrderPaid(string OrderId, string UserId, IReadOnlyList<OrderLine> Lines, decimal Total, Address? Address = null) : IEvent
{
    public static string Topic => Topics.Orders;

    public static string Type => "order.paid";

    public string PartitionKey => OrderId;
}

/// <summary>The order is on its way.</summary>
public sealed record OrderShipped(string OrderId, string UserId, string TrackingNumber) : IEvent
{
    public static string Topic => Topics.Orders;

    public static string Type => "order.shipped";

    public string PartitionKey => OrderId;
}

/// <summary>The customer has the order.</summary>
public sealed record OrderDelivered(string OrderId, string UserId) : IEvent
{
    public static string Topic => Topics.Orders;

    public static string Type => "order.delivered";

    public string PartitionKey => OrderId;
}

/// <summary>The order is off: stock and money go back.</summary>
public sealed record OrderCancelled(string OrderId, string UserId, string Reason) : IEvent
{
    public static string Topic => Topics.Orders;

    public static string Type => "order.cancelled";

    public string PartitionKey => OrderId;
}

/// <summary>The parcel came back: the order is off after it was shipped; stock and money go back.</summary>
public sealed record OrderReturned(string OrderId, string UserId, string Reason) : IEvent
{
    public static string Topic => Topics.Orders;

    public static string Type => "order.returned";

    public string PartitionKey => OrderId;
}
