using Lavka.ServiceDefaults;

namespace Lavka.Payments;

/// <summary>Charges a payment, whoever asks: an event, an operator's approval, the clock. Every step may be repeated; the provider knows the order by its id.</summary>
public sealed class Charging(AggregateStore store, IPaymentProvider provider, TimeProvider time)
{
    /// <param name="wanted">The payment as it is to be charged, where there is none yet.</param>
    /// <returns>Whether it is done; if not, the provider is to be asked again.</returns>
    public async Task<bool> Run(Payment wanted, CancellationToken stop)
    {
        var known = await store.Find<Payment>(Payment.KeyOf(wanted.OrderId), stop);
        var (outcome, reason) = known is null or { IsOpen: true } ? await provider.Charge(wanted.OrderId, wanted.Amount, stop) : default;
        var payment = await Save(wanted.OrderId, (now, journal) =>
            now is null ? wanted.Charged(outcome, reason, journal, time.GetUtcNow())
            : !now.IsOpen || (now.Status == PaymentStatus.Unknown && outcome == ChargeOutcome.Unknown) ? now.Unchanged(now.Answer)
            : now.Charged(outcome, reason, journal, time.GetUtcNow()), stop);
        return payment.Status == PaymentStatus.Void ? await GiveBack(wanted, stop) : payment.Status != PaymentStatus.Unknown;
    }

    /// <summary>The order was cancelled while its charge was at the provider, or before: what was taken goes back.</summary>
    private async Task<bool> GiveBack(Payment wanted, CancellationToken stop)
    {
        var refund = await provider.Refund(wanted.OrderId, stop);
        await Save(wanted.OrderId, (now, journal) =>
        {
            if (now is not { Status: PaymentStatus.Void })
            {
                return now!.Unchanged();
            }

            // A cancellation does not know the amount; whoever asks again must.
            var next = refund == RefundOutcome.NothingTaken ? now with { MayBeTaken = false } : now with { UserId = wanted.UserId, Amount = wanted.Amount, MayBeTaken = refund == RefundOutcome.Unknown };
            if (refund != RefundOutcome.GivenBack)
            {
                return now == next ? now.Unchanged() : next.Quietly();
            }

            // The money came and went: both are in the books.
            JournalPage.Charge(journal, wanted.OrderId, wanted.Amount, time.GetUtcNow());
            return next.Refund(journal, time.GetUtcNow());
        }, stop);
        return refund != RefundOutcome.Unknown;
    }

    private async Task<Payment> Save(string orderId, Func<Payment?, Parts<JournalPage>, Change<Payment>> decide, CancellationToken stop)
    {
        var (key, parts) = (Payment.KeyOf(orderId), new[] { JournalPage.KeyFor(orderId) });

        // What an event asks for, its delivery repeats; what the clock asks for, the outbox must tell.
        return (Cause.Current is null ? await store.Accept(key, parts, decide, stop) : await store.Change(key, parts, decide, stop))!;
    }
}
