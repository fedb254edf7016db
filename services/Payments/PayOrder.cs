using System.Text.Json.Serialization;
using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Payments;

/// <summary>
/// Answers an order's payment to a client that posts one. Only the order's confirmation charges, because only an event comes again after a crash; this waits for it.
/// </summary>
public static class PayOrder
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);

    private sealed record Order(string Id, [property: JsonPropertyName("user_id")] string UserId, string Status, decimal Total);

    public static async Task<Payment> Handle(string? orderId, decimal? amount, AggregateStore store, Peers peers, TimeProvider time, CancellationToken stop)
    {
        if (string.IsNullOrWhiteSpace(orderId))
        {
            throw RequestException.Bad("The order_id is required.");
        }

        if (!Ids.CanBe(orderId))
        {
            throw RequestException.NotFound($"There is no order '{orderId}'.");
        }

        var order = await peers.Get<Order>(Topics.Orders, $"/v1/orders/{Uri.EscapeDataString(orderId)}", stop) ?? throw RequestException.NotFound($"There is no order '{orderId}'.");
        if (amount is not null && amount != order.Total)
        {
            throw RequestException.Bad($"Order '{orderId}' costs {order.Total}, not {amount}.");
        }

        var payment = await store.Find<Payment>(Payment.KeyOf(orderId), stop);
        if (payment is { Status: not PaymentStatus.Void, IsOpen: false })
        {
            return payment;
        }

        if (order.Status != "confirmed")
        {
            throw RequestException.Conflict($"Order '{orderId}' is {order.Status}; only a confirmed order can be paid.");
        }

        for (var waited = TimeSpan.Zero; waited < Patience; waited += Poll)
        {
            await Task.Delay(Poll, time, stop);
            if (await store.Find<Payment>(Payment.KeyOf(orderId), stop) is { IsOpen: false } made)
            {
                return made;
            }
        }

        throw RequestException.Conflict($"The payment of order '{orderId}' is still being made; ask for it in a moment.");
    }
}
