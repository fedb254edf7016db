using System.Net;
using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Orders;

/// <summary>Calls an order off. A paid one only if its parcel has not left: whether it has, Shipping decides.</summary>
public static class CancelOrder
{
    public static async Task<Order> Handle(string orderId, string reason, AggregateStore store, Peers peers, TimeProvider time, CancellationToken stop)
    {
        var order = await store.Accept<Order>(Order.KeyOf(orderId), found => found?.CancelUnpaid(reason, time.GetUtcNow()) ?? throw RequestException.NotFound($"There is no order '{orderId}'."), stop);
        if (order!.Status == OrderStatus.Paid)
        {
            using var stopped = await peers.Send(Topics.Shipping, HttpMethod.Post, $"/shipments/{Uri.EscapeDataString(orderId)}/stop", stop);
            if (stopped.StatusCode == HttpStatusCode.NoContent)
            {
                // The event that Shipping tells says the same; it need not be waited for.
                return (await store.Accept<Order>(Order.KeyOf(orderId), paid => paid!.Apply(new ShipmentStopped(orderId, reason), time.GetUtcNow(), null), stop))!;
            }
        }

        return order.Status == OrderStatus.Cancelled ? order : throw ChangeStatus.NotLawful(order, OrderStatus.Cancelled, []);
    }
}
