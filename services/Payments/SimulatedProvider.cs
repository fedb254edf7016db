using Dapr.Client;

namespace Lavka.Payments;

/// <summary>
/// Stands for a payment provider. It declines amounts above <c>Payments:DeclineAbove</c> (5000 by default), and keeps its own book, as a real one does, so that
/// taking money twice would show.
/// </summary>
public sealed class SimulatedProvider(DaprClient dapr, IConfiguration configuration) : IPaymentProvider
{
    private const string Store = "statestore";

    private readonly decimal _declineAbove = configuration.GetValue("Payments:DeclineAbove", 5000m);

    private sealed record Entry(decimal Amount, bool IsRefunded);

    public async Task<string?> Charge(string idempotencyKey, decimal amount, CancellationToken stop)
    {
        if (amount > _declineAbove)
        {
            return $"The amount {amount} is above the card's limit of {_declineAbove}.";
        }

        // First write: a second charge under the same key finds the first and changes nothing.
        await dapr.TrySaveStateAsync(Store, KeyOf(idempotencyKey), new Entry(amount, IsRefunded: false), "", new() { Concurrency = ConcurrencyMode.FirstWrite }, cancellationToken: stop);
        return null;
    }

    public async Task<bool> Refund(string idempotencyKey, CancellationToken stop)
    {
        while (true)
        {
            var (entry, etag) = await dapr.GetStateAndETagAsync<Entry?>(Store, KeyOf(idempotencyKey), cancellationToken: stop);
            if (entry is null || entry.IsRefunded || await dapr.TrySaveStateAsync(Store, KeyOf(idempotencyKey), entry with { IsRefunded = true }, etag, cancellationToken: stop))
            {
                return entry is not null;
            }
        }
    }

    private static string KeyOf(string idempotencyKey) => $"provider-{idempotencyKey}";
}
