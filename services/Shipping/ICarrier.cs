namespace Lavka.Shipping;

/// <summary>Who carries parcels.</summary>
public interface ICarrier
{
    /// <summary>The number of an order's parcel; the same whenever it is asked.</summary>
    string TrackingNumber(string orderId);

    /// <summary>Completes when the parcel is with the customer.</summary>
    Task Deliver(string trackingNumber, CancellationToken stop);
}
