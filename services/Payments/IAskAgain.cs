namespace Lavka.Payments;

/// <summary>Sees to it that the provider is asked again, across restarts, until it has said what became of a charge.</summary>
public interface IAskAgain
{
    Task Start(string orderId);
}
