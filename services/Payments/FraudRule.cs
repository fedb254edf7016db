namespace Lavka.Payments;

/// <summary>
/// Which payments somebody is to look at before money is taken: those of <c>Payments:ReviewAbove</c> and more (3000 by default). What the provider would decline anyway
/// needs nobody's eyes.
/// </summary>
public sealed class FraudRule(IConfiguration configuration)
{
    private readonly decimal _reviewAbove = configuration.GetValue("Payments:ReviewAbove", 3000m);
    private readonly decimal _declineAbove = configuration.GetValue("Payments:DeclineAbove", 5000m);

    /// <summary>What is suspicious; null: nothing.</summary>
    public string? Check(decimal amount) => amount >= _reviewAbove && amount <= _declineAbove ? $"The amount {amount} is unusually high." : null;
}
