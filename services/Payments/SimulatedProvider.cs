using Lavka.ServiceDefaults;

namespace Lavka.Payments;

/// <summary>
/// Stands for a payment provider. It declines amounts above <c>Payments:DeclineAbove</c> (5000 by default), and keeps its own book, as a real one does, so that
/// taking money twice would show. Amounts that end in .13 it takes, but its first answer is lost; amounts that end in .14 it takes only after <c>Payments:SlowFor</c> (8 s by default).
/// </summary>
public sealed class SimulatedProvider(AggregateStore store, IConfiguration configuration, TimeProvider time) : IPaymentProvider
{
    private const decimal LosesAnswer = 0.13m;
    private const decimal IsSlow = 0.14m;

    private readonly decimal _declineAbove = configuration.GetValue("Payments:DeclineAbove", 5000m);
    private readonly TimeSpan _slowFor = configuration.GetValue("Payments:SlowFor", TimeSpan.FromSeconds(8));

    /// <param name="TakenAt">When the money is taken; null: never, because it was given back before.</param>
    private sealed record Entry(decimal Amount, DateTimeOffset? TakenAt, bool IsRefunded);

    public async Task<(ChargeOutcome Outcome, string? Reason)> Charge(string idempotencyKey, decimal amount, CancellationToken stop)
    {
        if (amount > _declineAbove)
        {
            return (ChargeOutcome.Declined, $"The amount {amount} is above the card's limit of {_declineAbove}.");
        }

        var cents = amount - decimal.Truncate(amount);
        var entry = new Entry(amount, time.GetUtcNow() + (cents == IsSlow ? _slowFor : TimeSpan.Zero), IsRefunded: false);

        // A second charge under the same key finds the first and changes nothing.
        var isFirst = false;
        var booked = await store.Change<Entry>(KeyOf(idempotencyKey), known =>
        {
            isFirst = known is null;
            return known?.Unchanged() ?? entry.Quietly();
        }, stop);
        return isFirst && cents == LosesAnswer ? (ChargeOutcome.Unknown, null)
            : booked!.TakenAt is not { } takenAt ? (ChargeOutcome.Declined, (string?)"The payment was called off.")
            : takenAt > time.GetUtcNow() ? (ChargeOutcome.Unknown, null)
            : (ChargeOutcome.Taken, null);
    }

    public async Task<RefundOutcome> Refund(string idempotencyKey, CancellationToken stop)
    {
        var booked = await store.Change<Entry>(KeyOf(idempotencyKey), known =>
            known is null ? new Entry(0, null, IsRefunded: false).Quietly()
            : IsRunning(known) || known.IsRefunded || known.TakenAt is null ? known.Unchanged()
            : (known with { IsRefunded = true }).Quietly(), stop);
        return IsRunning(booked!) ? RefundOutcome.Unknown : booked!.IsRefunded ? RefundOutcome.GivenBack : RefundOutcome.NothingTaken;
    }

    private bool IsRunning(Entry entry) => entry.TakenAt > time.GetUtcNow();

    private static string KeyOf(string idempotencyKey) => $"provider-{idempotencyKey}";
}
