using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Payments;

/// <summary>An operator's word on a held payment.</summary>
public static class ReviewPayment
{
    /// <summary>Charges it, or lets the order go. The same word again changes nothing.</summary>
    public static async Task<Payment> Handle(string orderId, string? decision, AggregateStore store, CancellationToken stop)
    {
        if (decision is not ("approve" or "decline"))
        {
            throw RequestException.Bad($"The decision is '{decision ?? "missing"}'; allowed are approve and decline.");
        }

        var payment = await store.Accept<Payment>(Payment.KeyOf(orderId), payment => payment switch
        {
            null => throw RequestException.NotFound($"There is no payment for an order '{orderId}'."),
            { Status: PaymentStatus.Review } when decision == "approve" => (payment with { Status = PaymentStatus.Approved }).Telling(new PaymentApproved(orderId)),
            { Status: PaymentStatus.Review } => Declined(payment),
            { Status: PaymentStatus.Approved or PaymentStatus.Completed or PaymentStatus.Unknown } when decision == "approve" => payment.Unchanged(),
            { Status: PaymentStatus.Failed } when decision == "decline" => payment.Unchanged(),
            _ => throw RequestException.Conflict($"The payment of order '{orderId}' is {payment.Status.ToName()}; only one in review can be decided."),
        }, stop);
        return payment!;
    }

    /// <summary>Charges what was approved. The approval told it, so no crash can lose it.</summary>
    public static async Task Charge(PaymentApproved approved, AggregateStore store, Charging charging, CancellationToken stop)
    {
        var payment = await store.Find<Payment>(Payment.KeyOf(approved.OrderId), stop) ?? throw new RuleBrokenException($"There is no payment for an order '{approved.OrderId}'.");
        await charging.Run(payment, stop);
    }

    private static Change<Payment> Declined(Payment payment)
    {
        const string Reason = "The payment was declined after a review.";
        return (payment with { Status = PaymentStatus.Failed, Reason = Reason }).Telling(new PaymentFailed(payment.OrderId, Reason));
    }
}
