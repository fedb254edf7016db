using Lavka.Payments;

namespace Lavka.Services.Tests;

/// <summary>The orders whose provider is to be asked again.</summary>
internal sealed class FakeAskAgain : IAskAgain
{
    public HashSet<string> Orders { get; } = [];

    public Task Start(string orderId)
    {
        Orders.Add(orderId);
        return Task.CompletedTask;
    }
}
