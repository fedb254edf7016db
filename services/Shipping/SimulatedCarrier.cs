using System.Security.Cryptography;
using System.Text;

namespace Lavka.Shipping;

/// <summary>Stands for a carrier that needs <c>Shipping:DeliveryTime</c> for a parcel (50 ms by default; for seconds, not days: a delivery event waits for it).</summary>
public sealed class SimulatedCarrier(IConfiguration configuration, TimeProvider time) : ICarrier
{
    private readonly TimeSpan _deliveryTime = configuration.GetValue("Shipping:DeliveryTime", TimeSpan.FromMilliseconds(50));

    public string TrackingNumber(string orderId) => "LV" + Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(orderId)))[..12];

    public Task Deliver(string trackingNumber, CancellationToken stop) => Task.Delay(_deliveryTime, time, stop);
}
