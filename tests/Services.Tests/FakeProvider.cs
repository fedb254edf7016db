using Lavka.Payments;

namespace Lavka.Services.Tests;

/// <summary>A payment provider's book: what it holds of each order.</summary>
internal sealed class FakeProvider : IPaymentProvider
{
    private readonly Dictionary<string, decimal> _held = [];
    private readonly HashSet<string> _refunded = [];

    /// <summary>Whether this order's card is declined.</summary>
    public Func<string, bool> Declines { get; set; } = _ => false;

    public int Charges { get; private set; }

    public decimal Held(string orderId) => _held.GetValueOrDefault(orderId);

    public Task<string?> Charge(string idempotencyKey, decimal amount, CancellationToken stop)
    {
        if (Declines(idempotencyKey))
        {
            return Task.FromResult<string?>("Declined.");
        }

        if (!_refunded.Contains(idempotencyKey) && _held.TryAdd(idempotencyKey, amount))
        {
            Charges++;
        }

        return Task.FromResult<string?>(null);
    }

    public Task<bool> Refund(string idempotencyKey, CancellationToken stop)
    {
        if (_held.Remove(idempotencyKey))
        {
            _refunded.Add(idempotencyKey);
        }

        return Task.FromResult(_refunded.Contains(idempotencyKey));
    }
}
