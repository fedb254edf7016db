using System.Text.Json.Serialization;
using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Orders;

[JsonConverter(typeof(JsonStringEnumConverter<OrderStatus>))]
public enum OrderStatus
{
    Pending,
    Confirmed,
    Paid,
    Shipped,
    Delivered,
    Cancelled,
}

/// <summary>
/// An order, as the state machine of the saga: <c>pending -> confirmed -> paid -> shipped -> delivered</c>, or cancelled. Pure: what happens to it, and what it
/// tells, depends on nothing but the order and the event. A repeat, or an event that a later one has overtaken, changes nothing.
/// </summary>
public sealed record Order(
    string OrderId, string UserId, IReadOnlyList<OrderLine> Lines, OrderStatus Status, DateTimeOffset CreatedAt, string? Reason = null, string? TrackingNumber = null)
{
    public decimal Total => Lines.Sum(line => line.Quantity * line.Price);

    public static string KeyOf(string orderId) => $"order-{orderId}";

    /// <summary>The index of a user's orders.</summary>
    public static string IndexOf(string userId) => $"orders-of-{userId}";

    /// <summary>A new order, pending.</summary>
    public static Change<Order> Place(string orderId, string userId, IReadOnlyList<OrderLine> lines, DateTimeOffset now)
    {
        var order = new Order(orderId, userId, lines, OrderStatus.Pending, now);
        return order.Telling(new OrderCreated(orderId, userId, lines, order.Total));
    }

    /// <summary>What an event makes of the order.</summary>
    /// <exception cref="RuleBrokenException">The event cannot be: it comes from something that has not happened.</exception>
    public Change<Order> Apply(IEvent @event) => @event switch
    {
        StockReserved => Status == OrderStatus.Pending ? Confirm() : this.Unchanged(),
        StockRejected rejected => Status == OrderStatus.Pending ? Cancel(rejected.Reason) : this.Unchanged(),
        PaymentCompleted => Status switch
        {
            OrderStatus.Confirmed => (this with { Status = OrderStatus.Paid }).Telling(new OrderPaid(OrderId, UserId, Lines, Total)),

            // Payments charges what was confirmed, and gives back what was cancelled; the one is not possible, the other not ours to do.
            OrderStatus.Pending => throw Impossible(@event),
            _ => this.Unchanged(),
        },
        PaymentFailed failed => Status switch
        {
            OrderStatus.Confirmed => Cancel(failed.Reason),
            OrderStatus.Pending => throw Impossible(@event),
            _ => this.Unchanged(),
        },
        ShipmentDispatched shipped => Status switch
        {
            OrderStatus.Paid => (this with { Status = OrderStatus.Shipped, TrackingNumber = shipped.TrackingNumber }).Telling(new OrderShipped(OrderId, UserId, shipped.TrackingNumber)),
            OrderStatus.Shipped or OrderStatus.Delivered => this.Unchanged(),
            _ => throw Impossible(@event),
        },
        ShipmentDelivered delivered => Status switch
        {
            // The dispatch may still be on its way; delivered says all that it would.
            OrderStatus.Paid or OrderStatus.Shipped => (this with { Status = OrderStatus.Delivered, TrackingNumber = delivered.TrackingNumber }).Telling(new OrderDelivered(OrderId, UserId)),
            OrderStatus.Delivered => this.Unchanged(),
            _ => throw Impossible(@event),
        },
        ShipmentStopped stopped => Status switch
        {
            OrderStatus.Shipped or OrderStatus.Delivered => throw Impossible(@event),
            OrderStatus.Cancelled => this.Unchanged(),
            _ => Cancel(stopped.Reason),
        },
        _ => throw Impossible(@event),
    };

    /// <summary>Calls an order off that is not paid yet; a paid one is called off by stopping its shipment.</summary>
    public Change<Order> CancelUnpaid(string reason) => Status is OrderStatus.Pending or OrderStatus.Confirmed ? Cancel(reason) : this.Unchanged();

    private Change<Order> Confirm() => (this with { Status = OrderStatus.Confirmed }).Telling(new OrderConfirmed(OrderId, UserId, Total));

    private Change<Order> Cancel(string reason) => (this with { Status = OrderStatus.Cancelled, Reason = reason }).Telling(new OrderCancelled(OrderId, UserId, reason));

    private RuleBrokenException Impossible(IEvent @event) => new($"Order '{OrderId}' is {Status}: {@event.GetType().Name} cannot be.");
}
