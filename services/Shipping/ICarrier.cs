using Lavka.Contracts;

namespace Lavka.Shipping;

/// <summary>Who carries parcels. What becomes of them, a carrier also tells by its webhook, see <see cref="ReportParcel"/>.</summary>
public interface ICarrier
{
    /// <summary>The number of a package; the same whenever it is asked.</summary>
    /// <param name="package">The package's number within the order, from 1.</param>
    string TrackingNumber(string orderId, int package);

    /// <summary>Completes when a shipment's packages are where they end.</summary>
    /// <param name="address">Where to; null: the customer fetches them.</param>
    /// <returns>Delivered, or returned; null: the carrier will tell by its webhook.</returns>
    Task<PackageStatus?> Deliver(string trackingNumber, Address? address, CancellationToken stop);
}
