using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Payments;

/// <summary>Charges a confirmed order. An order is charged once: a repeat finds the payment and changes nothing.</summary>
public static class ChargeOrder
{
    public static Task Handle(OrderConfirmed order, AggregateStore store, IPaymentProvider provider, CancellationToken stop) =>
        store.Change<Payment>(Payment.KeyOf(order.OrderId), async payment =>
        {
            if (payment is { Status: PaymentStatus.Void } && await provider.Refund(order.OrderId, stop))
            {
                // The order was cancelled while an earlier try of this was at the provider: what that took goes back.
                return (payment with { UserId = order.UserId, Amount = order.Total }).Refund();
            }

            return payment?.Unchanged() ?? Payment.From(order.OrderId, order.UserId, order.Total, await provider.Charge(order.OrderId, order.Total, stop));
        }, stop);
}
