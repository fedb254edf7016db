using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Orders;

/// <summary>
/// Looks after an order that waits: one that is not paid in time is called off; one that is off waits until Inventory and Payments have heard of it, since nobody else would notice that they have not.
/// </summary>
public sealed class FollowUpOrder(AggregateStore store, Peers peers, TimeProvider time) : IFollowUp<Order>
{
    private sealed record Answer(string Status);

    public async Task<bool> Handle(Order order, CancellationToken cancellationToken)
    {
        if (order.Deadline <= time.GetUtcNow())
        {
            await store.Accept<Order>(Order.KeyOf(order.OrderId), now => now!.CancelUnpaid("It was not paid in time.", time.GetUtcNow()), cancellationToken);
            return true;
        }

        return order.Status is not (OrderStatus.Cancelled or OrderStatus.Returned) || !await HaveHeard(order.OrderId, cancellationToken);
    }

    /// <summary>Whether stock and money are back, or seen to: Inventory and Payments know that the order is off.</summary>
    private async Task<bool> HaveHeard(string orderId, CancellationToken cancellationToken) =>
        await peers.Get<Answer>(Topics.Inventory, $"/reservations/{orderId}", cancellationToken) is { Status: "released" or "rejected" }
        && await peers.Get<Answer>(Topics.Payments, $"/v1/payments/{orderId}", cancellationToken) is { Status: "void" or "failed" or "refunded" };
}
