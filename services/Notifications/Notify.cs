using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Notifications;

/// <summary>Tells users what happened, each thing once.</summary>
public static class Notify
{
    public static Task Welcome(UserCreated user, AggregateStore store, TimeProvider time, CancellationToken stop) =>
        Send(user.UserId, "welcome", user.UserId, $"Welcome to Lavka, {user.Name}!", store, time, stop);

    public static Task OrderConfirmation(OrderCreated order, AggregateStore store, TimeProvider time, CancellationToken stop) =>
        Send(order.UserId, "order_confirmation", order.OrderId, $"We have your order {order.OrderId} of {order.Total}.", store, time, stop);

    public static Task PaymentReceipt(PaymentCompleted payment, AggregateStore store, TimeProvider time, CancellationToken stop) =>
        Send(payment.UserId, "payment_receipt", payment.OrderId, $"You paid {payment.Amount} for order {payment.OrderId}.", store, time, stop);

    public static Task OrderShipped(OrderShipped order, AggregateStore store, TimeProvider time, CancellationToken stop) =>
        Send(order.UserId, "order_shipped", order.OrderId, $"Your order {order.OrderId} is on its way: {order.TrackingNumber}.", store, time, stop);

    public static Task OrderDelivered(OrderDelivered order, AggregateStore store, TimeProvider time, CancellationToken stop) =>
        Send(order.UserId, "order_delivered", order.OrderId, $"Your order {order.OrderId} has been delivered.", store, time, stop);

    public static Task OrderCancelled(OrderCancelled order, AggregateStore store, TimeProvider time, CancellationToken stop) =>
        Send(order.UserId, "order_cancelled", order.OrderId, $"Your order {order.OrderId} was cancelled: {order.Reason}", store, time, stop);

    private static Task Send(string userId, string template, string reference, string text, AggregateStore store, TimeProvider time, CancellationToken stop)
    {
        var (key, index) = (Message.KeyOf(template, reference), Message.IndexOf(userId));
        return store.Change<Message, IdList>(key, [index], (message, parts) =>
        {
            if (message is not null)
            {
                return message.Unchanged();
            }

            IdList.Add(parts, index, key);
            return new Message(userId, template, reference, "email", text, time.GetUtcNow()).Telling(new NotificationSent(userId, template, reference));
        }, stop);
    }
}
