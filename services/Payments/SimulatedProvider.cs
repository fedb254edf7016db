using Dapr.Client;
using Lavka.ServiceDefaults;

namespace Lavka.Payments;

/// <summary>
/// Stands for a payment provider. It declines amounts above <c>Payments:DeclineAbove</c> (5000 by default), and keeps its own book, as a real one does, so that
/// taking money twice would show. Amounts that end in .13 it takes, but its first answer is lost; amounts that end in .14 it takes only after <c>Payments:SlowFor</c> (8 s by default).
/// </summary>
public sealed class SimulatedProvider(DaprClient dapr, IConfiguration configuration, TimeProvider time) : IPaymentProvider
{
    private const string Store = "statestore";
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

        // First write: a second charge under the same key finds the first and changes nothing.
        var isFirst = await dapr.TrySave(Store, KeyOf(idempotencyKey), entry, "", stop);
        if (isFirst && cents == LosesAnswer)
        {
            return (ChargeOutcome.Unknown, null);
        }

        entry = isFirst ? entry : await dapr.GetStateAsync<Entry>(Store, KeyOf(idempotencyKey), cancellationToken: stop);
        return entry.TakenAt is not { } takenAt ? (ChargeOutcome.Declined, (string?)"The payment was called off.")
            : takenAt > time.GetUtcNow() ? (ChargeOutcome.Unknown, null)
            : (ChargeOutcome.Taken, null);
    }

    public async Task<RefundOutcome> Refund(string idempotencyKey, CancellationToken stop)
    {
        while (true)
        {
            var (entry, etag) = await dapr.GetStateAndETagAsync<Entry?>(Store, KeyOf(idempotencyKey), cancellationToken: stop);
            if (entry is { TakenAt: { } takenAt } && takenAt > time.GetUtcNow())
            {
                return RefundOutcome.Unknown;
            }

            var after = entry is null ? new Entry(0, null, IsRefunded: false) : entry with { IsRefunded = entry.TakenAt is not null };
            if (after == entry || await dapr.TrySave(Store, KeyOf(idempotencyKey), after, etag, stop))
            {
                return after.IsRefunded ? RefundOutcome.GivenBack : RefundOutcome.NothingTaken;
            }
        }
    }

    private static string KeyOf(string idempotencyKey) => $"provider-{idempotencyKey}";
}
