using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Dapr.Client;
using Lavka.ServiceDefaults;

namespace Lavka.Shipping;

/// <summary>
/// The carrier's webhook. A call is signed as <c>Carrier-Signature: t=&lt;unix seconds&gt;,v1=&lt;hex&gt;</c>, the HMAC-SHA256 of <c>t</c>, a full stop and the body, with the secret
/// <c>carrier-key</c>; it is good for five minutes. The same report again changes nothing.
/// </summary>
public static class ReportParcel
{
    public const string SignatureHeader = "Carrier-Signature";
    private const int LongestReason = 500;
    private static readonly TimeSpan Tolerance = TimeSpan.FromMinutes(5);

    public sealed record Report(string? TrackingNumber, string? Status, string? Reason);

    public static async Task<Shipment> Handle(byte[] body, string? signature, AggregateStore store, DaprClient dapr, TimeProvider time, CancellationToken stop)
    {
        var key = (await dapr.GetSecretAsync(Secrets.Store, Secrets.CarrierKey, cancellationToken: stop)).GetValueOrDefault(Secrets.CarrierKey, "");
        if (key.Length == 0 || !IsSigned(body, signature, key, time.GetUtcNow()))
        {
            throw RequestException.Unauthorized($"The {SignatureHeader} is missing, wrong or older than {Tolerance.TotalMinutes} minutes.");
        }

        var report = Read(body);
        var reason = Texts.Checked("reason", report.Reason, LongestReason);
        var status = report.Status switch
        {
            "delivered" => PackageStatus.Delivered,
            "returned" => PackageStatus.Returned,
            "in_transit" => PackageStatus.Dispatched,
            _ => throw RequestException.Bad($"The status is '{report.Status ?? "missing"}'; allowed are in_transit, delivered and returned."),
        };
        if (!Ids.CanBe(report.TrackingNumber))
        {
            throw RequestException.NotFound($"There is no package '{report.TrackingNumber}'.");
        }

        var tracked = await store.FindPart<TrackedPackage>(TrackedPackage.KeyOf(report.TrackingNumber!), stop)
            ?? throw RequestException.NotFound($"There is no package '{report.TrackingNumber}'.");
        return (await store.Accept<Shipment>(Shipment.KeyOf(tracked.OrderId), shipment =>
            status == PackageStatus.Dispatched ? shipment!.Unchanged() : shipment!.Report(report.TrackingNumber, status, reason), stop))!;
    }

    /// <summary>The signature of a body at a time.</summary>
    public static string Sign(byte[] body, string key, DateTimeOffset at)
    {
        var t = at.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
        return $"t={t},v1={Hash(t, body, key)}";
    }

    private static bool IsSigned(byte[] body, string? signature, string key, DateTimeOffset now)
    {
        var parts = (signature ?? "").Split(',').Select(part => part.Trim().Split('=', 2)).Where(part => part.Length == 2).ToLookup(part => part[0], part => part[1]);
        return parts["t"].FirstOrDefault() is { } t && long.TryParse(t, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds)
            && Math.Abs(now.ToUnixTimeSeconds() - seconds) <= Tolerance.TotalSeconds
            && parts["v1"].Any(hash => CryptographicOperations.FixedTimeEquals(Encoding.ASCII.GetBytes(hash.ToLowerInvariant()), Encoding.ASCII.GetBytes(Hash(t, body, key))));
    }

    private static string Hash(string t, byte[] body, string key) =>
        Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(key), (byte[])[.. Encoding.ASCII.GetBytes(t + "."), .. body]));

    private static Report Read(byte[] body)
    {
        try
        {
            return JsonSerializer.Deserialize<Report>(body, JsonSerializerOptions.Web) ?? throw new JsonException();
        }
        catch (JsonException)
        {
            throw RequestException.Bad("The body is not JSON of the kind it must be: {\"trackingNumber\": ..., \"status\": ...}.");
        }
    }
}
