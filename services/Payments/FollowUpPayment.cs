using Lavka.ServiceDefaults;

namespace Lavka.Payments;

/// <summary>Asks the provider again, until it has said what became of a charge.</summary>
public sealed class FollowUpPayment(Charging charging) : IFollowUp<Payment>
{
    public async Task<bool> Handle(Payment payment, CancellationToken cancellationToken) => !await charging.Run(payment, cancellationToken);
}
