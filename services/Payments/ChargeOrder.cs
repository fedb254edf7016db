using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Payments;

/// <summary>Charges a confirmed order, unless it looks like fraud. An order is charged once: a repeat finds the payment and changes nothing.</summary>
public static class ChargeOrder
{
    public static async Task Handle(OrderConfirmed order, AggregateStore store, Charging charging, FraudRule fraud, CancellationToken stop)
    {
        var payment = new Payment(order.OrderId, order.UserId, order.Total, PaymentStatus.Unknown);
        if (fraud.Check(order.Total) is not { } suspicion)
        {
            await charging.Run(payment, stop);
            return;
        }

        await store.Change<Payment, IdList>(Payment.KeyOf(order.OrderId), [Payment.ReviewIndex], (now, parts) =>
        {
            if (now is not null)
            {
                return now.Unchanged(now.Answer);
            }

            IdList.Add(parts, Payment.ReviewIndex, order.OrderId);
            return (payment with { Status = PaymentStatus.Review, Reason = suspicion }).Telling(new PaymentHeld(order.OrderId, order.UserId, order.Total, suspicion));
        }, stop);
    }
}
