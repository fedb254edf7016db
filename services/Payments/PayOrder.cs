using System.Text.Json.Serialization;
using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Payments;

/// <summary>Charges an order because a client asks for it. It is the same charge that the order's confirmation starts: whoever comes first makes it.</summary>
public static class PayOrder
{
    private sealed record Order(string Id, [property: JsonPropertyName("user_id")] string UserId, string Status, decimal Total);

    public static async Task<Payment> Handle(string? orderId, decimal? amount, AggregateStore store, IPaymentProvider provider, Peers peers, CancellationToken stop)
    {
        if (string.IsNullOrWhiteSpace(orderId))
        {
            throw RequestException.Bad("The order_id is required.");
        }

        var order = await peers.Get<Order>(Topics.Orders, $"/v1/orders/{Uri.EscapeDataString(orderId)}", stop) ?? throw RequestException.NotFound($"There is no order '{orderId}'.");
        if (amount is not null && amount != order.Total)
        {
            throw RequestException.Bad($"Order '{orderId}' costs {order.Total}, not {amount}.");
        }

        var payment = await store.Find<Payment>(Payment.KeyOf(orderId), stop);
        if (payment is { Status: not PaymentStatus.Void })
        {
            return payment;
        }

        if (order.Status != "confirmed")
        {
            throw RequestException.Conflict($"Order '{orderId}' is {order.Status}; only a confirmed order can be paid.");
        }

        return (await store.Accept<Payment>(Payment.KeyOf(orderId), found =>
            ChargeOrder.Decide(found, new OrderConfirmed(orderId, order.UserId, order.Total), provider, stop), stop))!;
    }
}
