using Lavka.Payments;

namespace Lavka.Services.Tests;

/// <summary>A payment provider's book: what it holds of each order.</summary>
internal sealed class FakeProvider : IPaymentProvider
{
    private readonly Dictionary<string, decimal> _held = [];
    private readonly HashSet<string> _refunded = [];
    private readonly HashSet<string> _calledOff = [];

    /// <summary>Whether this order's card is declined.</summary>
    public Func<string, bool> Declines { get; set; } = _ => false;

    /// <summary>So many next answers get lost; what was asked is done all the same.</summary>
    public int LostAnswers { get; set; }

    public int Charges { get; private set; }

    public decimal Held(string orderId) => _held.GetValueOrDefault(orderId);

    public Task<(ChargeOutcome Outcome, string? Reason)> Charge(string idempotencyKey, decimal amount, CancellationToken stop)
    {
        if (Declines(idempotencyKey) || _calledOff.Contains(idempotencyKey))
        {
            return Task.FromResult((ChargeOutcome.Declined, (string?)"Declined."));
        }

        if (!_refunded.Contains(idempotencyKey) && _held.TryAdd(idempotencyKey, amount))
        {
            Charges++;
        }

        return Task.FromResult((IsLost() ? ChargeOutcome.Unknown : ChargeOutcome.Taken, (string?)null));
    }

    public Task<RefundOutcome> Refund(string idempotencyKey, CancellationToken stop)
    {
        if (_held.Remove(idempotencyKey))
        {
            _refunded.Add(idempotencyKey);
        }

        if (!_refunded.Contains(idempotencyKey))
        {
            _calledOff.Add(idempotencyKey);
        }

        return Task.FromResult(IsLost() ? RefundOutcome.Unknown : _refunded.Contains(idempotencyKey) ? RefundOutcome.GivenBack : RefundOutcome.NothingTaken);
    }

    private bool IsLost() => LostAnswers > 0 && LostAnswers-- > 0;
}
