using System.Text.Json.Serialization;
using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Shipping;

[JsonConverter(typeof(JsonStringEnumConverter<ShipmentStatus>))]
public enum ShipmentStatus
{
    /// <summary>The packages have left.</summary>
    Dispatched,

    /// <summary>The customer has them all.</summary>
    Delivered,

    /// <summary>It was held back, and does not leave any more.</summary>
    Stopped,

    /// <summary>The carrier has brought it back.</summary>
    Returned,
}

[JsonConverter(typeof(JsonStringEnumConverter<PackageStatus>))]
public enum PackageStatus
{
    Dispatched,
    Delivered,
    Returned,
}

/// <summary>A box with a part of an order.</summary>
public sealed record Package(string TrackingNumber, IReadOnlyList<OrderLine> Lines, PackageStatus Status)
{
    // So many pieces fit into a package; an order that would need more than so many packages gets larger ones.
    private const long Pieces = 50;
    private const long MostPackages = 100;

    /// <summary>Packs an order's lines.</summary>
    public static IReadOnlyList<Package> Pack(IReadOnlyList<OrderLine> lines, Func<int, string> trackingNumber)
    {
        var size = Math.Max(Pieces, (lines.Sum(line => line.Quantity) + MostPackages - 1) / MostPackages);
        var packages = new List<Package>();
        var (contents, room) = (new List<OrderLine>(), size);
        foreach (var line in lines)
        {
            for (var left = line.Quantity; left > 0;)
            {
                var pieces = Math.Min(left, room);
                contents.Add(line with { Quantity = pieces });
                (left, room) = (left - pieces, room - pieces);
                if (room == 0)
                {
                    Close();
                }
            }
        }

        Close();
        return packages;

        void Close()
        {
            if (contents.Count > 0)
            {
                packages.Add(new(trackingNumber(packages.Count + 1), contents, PackageStatus.Dispatched));
                (contents, room) = ([], size);
            }
        }
    }
}

/// <summary>Whose package a tracking number is.</summary>
public sealed record TrackedPackage(string OrderId)
{
    public static string KeyOf(string trackingNumber) => $"tracking-{trackingNumber}";
}

/// <summary>An order's packages. There is one shipment for an order, whatever comes twice or late; whether it leaves or is held back is decided here, once.</summary>
public sealed record Shipment(string OrderId, ShipmentStatus Status, string TrackingNumber, string UserId = "", IReadOnlyList<Package>? Packages = null, Address? Address = null, string? Reason = null)
{
    /// <summary>What was told of it last: whoever asks for the parcel again has not heard it.</summary>
    [JsonIgnore]
    public IEvent Answer => Status switch
    {
        ShipmentStatus.Delivered => new ShipmentDelivered(OrderId, TrackingNumber),
        ShipmentStatus.Returned => new ShipmentReturned(OrderId, TrackingNumber, Reason ?? "It could not be handed over."),
        ShipmentStatus.Stopped => new ShipmentStopped(OrderId, Reason ?? "The parcel was held back."),
        _ => new ShipmentDispatched(OrderId, TrackingNumber, [.. (Packages ?? []).Select(package => package.TrackingNumber)]),
    };

    public static string KeyOf(string orderId) => $"shipment-{orderId}";

    /// <summary>
    /// What the carrier's word on one package, or on all, makes of the shipment. It is returned when all packages are: then all money goes back. When the customer has a part of it, it is delivered, and what came
    /// back is for an operator to settle. Where it has ended, it stays.
    /// </summary>
    /// <param name="trackingNumber">Null: all packages.</param>
    public Change<Shipment> Report(string? trackingNumber, PackageStatus status, string? reason)
    {
        var packages = (Packages ?? []).Select(package => trackingNumber is null || package.TrackingNumber == trackingNumber ? package with { Status = status } : package).ToList();
        if (Status != ShipmentStatus.Dispatched || packages.SequenceEqual(Packages ?? []))
        {
            return this.Unchanged();
        }

        // Where packages are still on their way, once more what was told before: it may not have been yet, and a change forgets it.
        var next = packages.All(package => package.Status == PackageStatus.Returned) ? this with { Packages = packages, Status = ShipmentStatus.Returned, Reason = reason }
            : packages.All(package => package.Status != PackageStatus.Dispatched) ? this with { Packages = packages, Status = ShipmentStatus.Delivered }
            : this with { Packages = packages };
        return next.Telling(next.Answer);
    }
}
