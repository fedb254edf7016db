namespace Lavka.Payments;

/// <summary>What a provider says of a charge.</summary>
public enum ChargeOutcome
{
    /// <summary>There was no answer in time: it may have been taken, or yet be. To ask again with the same key tells.</summary>
    Unknown,

    /// <summary>The money has been taken.</summary>
    Taken,

    /// <summary>It has not, and will not be.</summary>
    Declined,
}

/// <summary>What a provider says of a refund.</summary>
public enum RefundOutcome
{
    /// <summary>There was no answer in time, or the charge is still under way. To ask again tells.</summary>
    Unknown,

    /// <summary>What was taken is back.</summary>
    GivenBack,

    /// <summary>Nothing was taken, and under this key nothing will be.</summary>
    NothingTaken,
}

/// <summary>Who takes the money. Both calls are safe to repeat: the key is the order's id.</summary>
public interface IPaymentProvider
{
    /// <summary>Takes the amount, once for a key.</summary>
    /// <returns>What became of it, and why if it was declined.</returns>
    Task<(ChargeOutcome Outcome, string? Reason)> Charge(string idempotencyKey, decimal amount, CancellationToken stop);

    /// <summary>Gives back what was taken under a key.</summary>
    Task<RefundOutcome> Refund(string idempotencyKey, CancellationToken stop);
}
