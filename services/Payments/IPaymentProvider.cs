namespace Lavka.Payments;

/// <summary>Who takes the money. Both calls are safe to repeat: the key is the order's id.</summary>
public interface IPaymentProvider
{
    /// <summary>Takes the amount, once for a key.</summary>
    /// <returns>Null if it was taken; otherwise why it was declined.</returns>
    Task<string?> Charge(string idempotencyKey, decimal amount, CancellationToken stop);

    /// <summary>Gives back what was taken under a key.</summary>
    /// <returns>Whether anything had been taken.</returns>
    Task<bool> Refund(string idempotencyKey, CancellationToken stop);
}
