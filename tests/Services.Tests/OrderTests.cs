using Lavka.Contracts;
using Lavka.Orders;
using Lavka.ServiceDefaults;

namespace Lavka.Services.Tests;

public sealed class OrderTests
{
    private static readonly Order Pending = Order.Place("o", "u", [new("p", 2, 12.5m)], DateTimeOffset.UnixEpoch).State!;

    public static TheoryData<OrderStatus, object, OrderStatus, string?> Lawful => new()
    {
        { OrderStatus.Pending, new StockReserved("o"), OrderStatus.Confirmed, OrderConfirmed.Type },
        { OrderStatus.Pending, new StockRejected("o", "none left"), OrderStatus.Cancelled, OrderCancelled.Type },
        { OrderStatus.Confirmed, new PaymentCompleted("o", "u", 25), OrderStatus.Paid, OrderPaid.Type },
        { OrderStatus.Confirmed, new PaymentFailed("o", "declined"), OrderStatus.Cancelled, OrderCancelled.Type },
        { OrderStatus.Paid, new ShipmentDispatched("o", "LV1"), OrderStatus.Shipped, OrderShipped.Type },
        { OrderStatus.Paid, new ShipmentStopped("o", "cancelled"), OrderStatus.Cancelled, OrderCancelled.Type },
        { OrderStatus.Paid, new ShipmentDelivered("o", "LV1"), OrderStatus.Delivered, OrderDelivered.Type },
        { OrderStatus.Shipped, new ShipmentDelivered("o", "LV1"), OrderStatus.Delivered, OrderDelivered.Type },
        { OrderStatus.Shipped, new ShipmentReturned("o", "LV1", "refused"), OrderStatus.Returned, OrderReturned.Type },
        { OrderStatus.Paid, new ShipmentReturned("o", "LV1", "refused"), OrderStatus.Returned, OrderReturned.Type },
        { OrderStatus.Returned, new ShipmentDispatched("o", "LV1"), OrderStatus.Returned, null },
        { OrderStatus.Delivered, new ShipmentDispatched("o", "LV1"), OrderStatus.Delivered, null },

        // Whoever tells this again has not heard what became of the order.
        { OrderStatus.Cancelled, new StockReserved("o"), OrderStatus.Cancelled, OrderCancelled.Type },
        { OrderStatus.Cancelled, new PaymentCompleted("o", "u", 25), OrderStatus.Cancelled, OrderCancelled.Type },
        { OrderStatus.Paid, new StockReserved("o"), OrderStatus.Paid, OrderPaid.Type },
        { OrderStatus.Delivered, new StockReserved("o"), OrderStatus.Delivered, OrderPaid.Type },
    };

    public static TheoryData<OrderStatus, object> Unlawful => new()
    {
        { OrderStatus.Pending, new PaymentCompleted("o", "u", 25) },
        { OrderStatus.Pending, new ShipmentDispatched("o", "LV1") },
        { OrderStatus.Cancelled, new ShipmentDelivered("o", "LV1") },
        { OrderStatus.Shipped, new ShipmentStopped("o", "late") },
        { OrderStatus.Delivered, new ShipmentReturned("o", "LV1", "refused") },
    };

    [Theory]
    [MemberData(nameof(Lawful))]
    public void A_lawful_event_takes_the_order_on_and_is_told(OrderStatus from, object @event, OrderStatus to, string? tells)
    {
        var change = (Pending with { Status = from }).Apply((IEvent)@event, DateTimeOffset.UnixEpoch, null);

        Assert.Equal(to, change.State!.Status);
        Assert.Equal(tells, change.Tells is null ? null : EventType.Of(change.Tells));
        Assert.Equal(from != to, change.IsChanged);
    }

    [Theory]
    [MemberData(nameof(Unlawful))]
    public void What_cannot_be_is_refused(OrderStatus from, object @event) => Assert.Throws<RuleBrokenException>(() => (Pending with { Status = from }).Apply((IEvent)@event, DateTimeOffset.UnixEpoch, null));

    [Theory]
    [InlineData(OrderStatus.Pending, true)]
    [InlineData(OrderStatus.Confirmed, true)]
    [InlineData(OrderStatus.Paid, false)]
    [InlineData(OrderStatus.Shipped, false)]
    [InlineData(OrderStatus.Delivered, false)]
    public void Only_an_unpaid_order_can_be_called_off_by_itself(OrderStatus from, bool cancels) =>
        Assert.Equal(cancels, (Pending with { Status = from }).CancelUnpaid("why", DateTimeOffset.UnixEpoch).State!.Status == OrderStatus.Cancelled);

    [Fact]
    public void The_history_says_what_when_why_and_through_which_event()
    {
        var (first, second) = (DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch.AddSeconds(1));

        var order = Pending.Apply(new StockReserved("o"), first, new("e1", StockReserved.Type)).State!.CancelUnpaid("changed their mind", second).State!;

        Assert.Equal(
            [new(OrderStatus.Pending, first, null, null), new(OrderStatus.Confirmed, first, null, new("e1", StockReserved.Type)), new(OrderStatus.Cancelled, second, "changed their mind", null)],
            order.History!);
    }
}
