using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Lavka.Contracts;

namespace Lavka.Shipping;

/// <summary>
/// Stands for a carrier that needs <c>Shipping:DeliveryTime</c> for a parcel (50 ms by default; for seconds, not days: a delivery event waits for it). What is addressed to
/// the city of Nowhere it brings back; of what goes to Faraway it says nothing by itself: its webhook must.
/// </summary>
public sealed class SimulatedCarrier(IConfiguration configuration, TimeProvider time) : ICarrier
{
    private readonly TimeSpan _deliveryTime = configuration.GetValue("Shipping:DeliveryTime", TimeSpan.FromMilliseconds(50));

    public string TrackingNumber(string orderId, int package) =>
        "LV" + Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{orderId}/{package}"))))[..12];

    public async Task<PackageStatus?> Deliver(string trackingNumber, Address? address, CancellationToken stop)
    {
        if (address?.City == "Faraway")
        {
            return null;
        }

        await Task.Delay(_deliveryTime, time, stop);
        return address?.City == "Nowhere" ? PackageStatus.Returned : PackageStatus.Delivered;
    }
}
