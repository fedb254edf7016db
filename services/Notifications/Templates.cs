using System.Globalization;
using System.Net;
using Lavka.Contracts;

namespace Lavka.Notifications;

/// <summary>What is said on an event.</summary>
/// <param name="Name">For example <c>order_shipped</c>.</param>
/// <param name="UserId">To whom.</param>
/// <param name="Reference">About what.</param>
/// <param name="Subject">The subject of an e-mail.</param>
/// <param name="Text">One or two sentences.</param>
/// <param name="IsUrgent">Whether it goes out as a short message too.</param>
/// <param name="IsAwaited">Whether somebody waits for it to be sent, and is told.</param>
public sealed record Template(string Name, string UserId, string Reference, string Subject, string Text, bool IsUrgent = false, bool IsAwaited = false)
{
    /// <summary>The names of the templates about orders.</summary>
    public static readonly IReadOnlyList<string> OfOrders = ["order_confirmation", "payment_receipt", "order_shipped", "order_delivered", "order_cancelled", "order_returned"];

    public static Template Of(UserCreated user) => new("welcome", user.UserId, user.UserId, "Welcome to Lavka", $"Welcome to Lavka, {user.Name}!", IsAwaited: true);

    public static Template Of(OrderCreated order) => new("order_confirmation", order.UserId, order.OrderId, "We have your order", $"We have your order {order.OrderId} of {Money(order.Total)}.");

    public static Template Of(PaymentCompleted payment) => new(
        "payment_receipt", payment.UserId, payment.OrderId, "Your payment", $"You paid {Money(payment.Amount)} for order {payment.OrderId}.");

    public static Template Of(OrderShipped order) => new(
        "order_shipped", order.UserId, order.OrderId, "Your order is on its way", $"Your order {order.OrderId} is on its way: {order.TrackingNumber}.", IsUrgent: true);

    public static Template Of(OrderDelivered order) => new("order_delivered", order.UserId, order.OrderId, "Your order has arrived", $"Your order {order.OrderId} has been delivered.");

    public static Template Of(OrderCancelled order) => new(
        "order_cancelled", order.UserId, order.OrderId, "Your order was cancelled", $"Your order {order.OrderId} was cancelled: {order.Reason}", IsUrgent: true);

    public static Template Of(OrderReturned order) => new(
        "order_returned", order.UserId, order.OrderId, "Your order came back to us", $"Your order {order.OrderId} came back to us: {order.Reason} You get your money back.", IsUrgent: true);

    /// <summary>The e-mail's body, in HTML as Dapr's SMTP binding sends it.</summary>
    public string Html(string name) => $"<p>Dear {WebUtility.HtmlEncode(name)},</p>\n<p>{WebUtility.HtmlEncode(Text)}</p>\n<p>Lavka</p>\n";

    private static string Money(decimal amount) => amount.ToString("0.00", CultureInfo.InvariantCulture);
}
