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

    /// <summary>Shipped, and brought back by the carrier.</summary>
    Returned,
}

/// <summary>A change of an order: what it became, when, why, and through which event; no event: a client or the clock asked for it.</summary>
public sealed record OrderChange(OrderStatus Status, DateTimeOffset At, string? Reason, Cause? Cause);

/// <summary>
/// An order, as the state machine of the saga: <c>pending -> confirmed -> paid -> shipped -> delivered</c>, or cancelled, or returned. Pure: what happens to it, and what it
/// tells, depends on nothing but the order and the event. A repeat, or an event that a later one has overtaken, changes nothing.
/// </summary>
/// <param name="PayWithinSeconds">The customer's own deadline for the payment.</param>
/// <param name="Request">What tells the request apart that made it, if that had an idempotency key.</param>
/// <param name="History">Every change, oldest first.</param>
/// <param name="PayBy">When it is called off if it is not paid: the shop's deadline, or the customer's own.</param>
public sealed record Order(
    string OrderId, string UserId, IReadOnlyList<OrderLine> Lines, OrderStatus Status, DateTimeOffset CreatedAt, string? Reason = null, string? TrackingNumber = null,
    Address? Address = null, double? PayWithinSeconds = null, IReadOnlyList<OrderChange>? History = null, DateTimeOffset? PayBy = null, string? Request = null) : IAwaiting
{
    public decimal Total => Lines.Sum(line => line.Quantity * line.Price);

    public static string KeyOf(string orderId) => $"order-{orderId}";

    /// <summary>The index of a user's orders.</summary>
    public static string IndexOf(string userId) => $"orders-of-{userId}";

    /// <summary>What a client may still make of the order.</summary>
    [JsonIgnore]
    public IReadOnlyList<OrderStatus> Lawful => Status is OrderStatus.Pending or OrderStatus.Confirmed or OrderStatus.Paid ? [OrderStatus.Cancelled] : [];

    /// <summary>Whether it waits: for stock, payment or parcel; or, once it is off, for stock and money to be back.</summary>
    [JsonIgnore]
    public bool IsWaiting => Status != OrderStatus.Delivered;

    [JsonIgnore]
    public DateTimeOffset? Deadline => IsUnpaid ? PayBy : null;

    /// <summary>What asks those it waits for: Inventory, Payments, Shipping; or, once it is off, Inventory and Payments.</summary>
    [JsonIgnore]
    public IEvent? Question => Status switch
    {
        OrderStatus.Pending => new OrderCreated(OrderId, UserId, Lines, Total, Address, PayWithinSeconds),
        OrderStatus.Confirmed => new OrderConfirmed(OrderId, UserId, Total),
        OrderStatus.Paid or OrderStatus.Shipped => Paid,
        OrderStatus.Cancelled => new OrderCancelled(OrderId, UserId, Reason!),
        OrderStatus.Returned => new OrderReturned(OrderId, UserId, Reason!),
        _ => null,
    };

    private OrderPaid Paid => new(OrderId, UserId, Lines, Total, Address);

    private bool IsUnpaid => Status is OrderStatus.Pending or OrderStatus.Confirmed;

    /// <summary>A new order, pending.</summary>
    public static Change<Order> Place(
        string orderId, string userId, IReadOnlyList<OrderLine> lines, DateTimeOffset now, Address? address = null, double? payWithinSeconds = null, DateTimeOffset? payBy = null,
        string? request = null)
    {
        var order = new Order(orderId, userId, lines, OrderStatus.Pending, now, null, null, address, payWithinSeconds, [new(OrderStatus.Pending, now, null, null)], payBy, request);
        return Asking(order);
    }

    /// <summary>What an event makes of the order.</summary>
    /// <param name="at">When.</param>
    /// <param name="cause">The event's id and type, for the history.</param>
    /// <exception cref="RuleBrokenException">The event cannot be: it comes from something that has not happened.</exception>
    public Change<Order> Apply(IEvent @event, DateTimeOffset at, Cause? cause) => @event switch
    {
        // Told again, it asks what became of the order.
        StockReserved => Status == OrderStatus.Pending
            ? Asking(Become(OrderStatus.Confirmed, null, at, cause))
            : this.Unchanged(Status is OrderStatus.Delivered ? Paid : Question),
        StockRejected rejected => Status == OrderStatus.Pending ? Cancel(rejected.Reason, at, cause) : this.Unchanged(),
        PaymentCompleted => Status switch
        {
            OrderStatus.Confirmed => Asking(Become(OrderStatus.Paid, null, at, cause)),

            // Payments charges what was confirmed, and gives back what was cancelled; the one is not possible, the other not ours to do.
            OrderStatus.Pending => throw Impossible(@event),

            // Money for an order that is off goes back, whether Payments was told that before or not.
            OrderStatus.Cancelled or OrderStatus.Returned => this.Unchanged(Question),
            _ => this.Unchanged(),
        },
        PaymentFailed failed => Status switch
        {
            OrderStatus.Confirmed => Cancel(failed.Reason, at, cause),
            OrderStatus.Pending => throw Impossible(@event),
            _ => this.Unchanged(),
        },
        ShipmentDispatched shipped => Status switch
        {
            OrderStatus.Paid => (Become(OrderStatus.Shipped, null, at, cause) with { TrackingNumber = shipped.TrackingNumber }).Telling(new OrderShipped(OrderId, UserId, shipped.TrackingNumber)),
            OrderStatus.Shipped or OrderStatus.Delivered or OrderStatus.Returned => this.Unchanged(),
            _ => throw Impossible(@event),
        },
        ShipmentDelivered delivered => Status switch
        {
            // The dispatch may still be on its way; delivered says all that it would.
            OrderStatus.Paid or OrderStatus.Shipped => (Become(OrderStatus.Delivered, null, at, cause) with { TrackingNumber = delivered.TrackingNumber }).Telling(new OrderDelivered(OrderId, UserId)),
            OrderStatus.Delivered => this.Unchanged(),
            _ => throw Impossible(@event),
        },
        ShipmentReturned returned => Status switch
        {
            OrderStatus.Paid or OrderStatus.Shipped => Asking(Become(OrderStatus.Returned, returned.Reason, at, cause) with { TrackingNumber = returned.TrackingNumber }),
            OrderStatus.Returned => this.Unchanged(),
            _ => throw Impossible(@event),
        },
        ShipmentStopped stopped => Status switch
        {
            OrderStatus.Shipped or OrderStatus.Delivered or OrderStatus.Returned => throw Impossible(@event),
            OrderStatus.Cancelled => this.Unchanged(),
            _ => Cancel(stopped.Reason, at, cause),
        },
        _ => throw Impossible(@event),
    };

    /// <summary>Calls an order off that is not paid yet; a paid one is called off by stopping its shipment.</summary>
    public Change<Order> CancelUnpaid(string reason, DateTimeOffset at) => IsUnpaid ? Cancel(reason, at, null) : this.Unchanged();

    private Change<Order> Cancel(string reason, DateTimeOffset at, Cause? cause) => Asking(Become(OrderStatus.Cancelled, reason, at, cause));

    /// <summary>The order as it is now, asking those it waits for: for the first time with what it would ask again.</summary>
    private static Change<Order> Asking(Order order) => order.Telling(order.Question);

    private Order Become(OrderStatus status, string? reason, DateTimeOffset at, Cause? cause) =>
        this with { Status = status, Reason = reason, History = [.. History ?? [], new(status, at, reason, cause)] };

    private RuleBrokenException Impossible(IEvent @event) => new($"Order '{OrderId}' is {Status}: {@event.GetType().Name} cannot be.");
}
