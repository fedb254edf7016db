using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Payments;

/// <summary>Gives the money of an order that is off back. An order that is cancelled before it was charged is never charged.</summary>
public static class RefundOrder
{
    public static Task Cancelled(OrderCancelled order, AggregateStore store, IPaymentProvider provider, TimeProvider time, CancellationToken stop) =>
        Refund(order.OrderId, order.UserId, order.Reason, store, provider, time, stop);

    public static Task Returned(OrderReturned order, AggregateStore store, IPaymentProvider provider, TimeProvider time, CancellationToken stop) =>
        Refund(order.OrderId, order.UserId, order.Reason, store, provider, time, stop);

    private static async Task Refund(string orderId, string userId, string reason, AggregateStore store, IPaymentProvider provider, TimeProvider time, CancellationToken stop)
    {
        var isRefunded = await store.Find<Payment>(Payment.KeyOf(orderId), stop) is { Status: PaymentStatus.Completed };
        if (isRefunded && await provider.Refund(orderId, stop) == RefundOutcome.Unknown)
        {
            throw new InvalidOperationException($"The provider has not answered the refund of order '{orderId}' yet.");
        }

        await store.Change<Payment, JournalPage>(Payment.KeyOf(orderId), [JournalPage.KeyFor(orderId)], (payment, journal) => payment?.Status switch
        {
            null => new Payment(orderId, userId, 0, PaymentStatus.Void, reason).Quietly(),

            // Whoever asks the provider what became of the charge finds it void, and gives back what was taken.
            PaymentStatus.Unknown or PaymentStatus.Review or PaymentStatus.Approved => (payment with { Status = PaymentStatus.Void, Reason = reason, MayBeTaken = payment.IsOpen }).Quietly(),
            PaymentStatus.Completed => isRefunded
                ? payment.Refund(journal, time.GetUtcNow())
                : throw new InvalidOperationException($"Order '{orderId}' was charged this very moment."),
            _ => payment.Unchanged(),
        }, stop);
    }
}
