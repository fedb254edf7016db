using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Payments;

/// <summary>Gives a cancelled order's money back. An order that is cancelled before it was charged is never charged.</summary>
public static class RefundOrder
{
    public static Task Handle(OrderCancelled order, AggregateStore store, IPaymentProvider provider, CancellationToken stop) =>
        store.Change<Payment>(Payment.KeyOf(order.OrderId), async payment =>
        {
            switch (payment?.Status)
            {
                case null:
                    return new Payment(order.OrderId, order.UserId, 0, PaymentStatus.Void, order.Reason).Quietly();
                case PaymentStatus.Completed:
                    await provider.Refund(order.OrderId, stop);
                    return payment.Refund();
                default:
                    return payment.Unchanged();
            }
        }, stop);
}
