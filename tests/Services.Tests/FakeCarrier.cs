using Lavka.Contracts;
using Lavka.Shipping;

namespace Lavka.Services.Tests;

/// <summary>A carrier that delivers at once, or brings back.</summary>
internal sealed class FakeCarrier : ICarrier
{
    /// <summary>Whether this package comes back.</summary>
    public Func<string, bool> BringsBack { get; set; } = _ => false;

    public string TrackingNumber(string orderId, int package) => $"{orderId}-{package}";

    public Task<PackageStatus?> Deliver(string trackingNumber, Address? address, CancellationToken stop) =>
        Task.FromResult<PackageStatus?>(BringsBack(trackingNumber) ? PackageStatus.Returned : PackageStatus.Delivered);
}
