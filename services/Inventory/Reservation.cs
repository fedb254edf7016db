using System.Text.Json.Serialization;
using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Inventory;

[JsonConverter(typeof(JsonStringEnumConverter<ReservationStatus>))]
public enum ReservationStatus
{
    Reserved,
    Rejected,
    Taken,
    Released,
}

/// <summary>What an order has of the stock. There is one for an order, whatever comes twice or late.</summary>
public sealed record Reservation(string OrderId, ReservationStatus Status, IReadOnlyList<OrderLine> Lines, string? Reason = null) : IAwaiting
{
    /// <summary>Whether it waits for what becomes of the order.</summary>
    [JsonIgnore]
    public bool IsWaiting => Status == ReservationStatus.Reserved;

    // The order is followed up before its reservation.
    [JsonIgnore]
    public TimeSpan Patience => TimeSpan.FromMinutes(2);

    [JsonIgnore]
    public IEvent? Question => Answer;

    /// <summary>What was told of the stock when the order asked for it; null: it never did.</summary>
    [JsonIgnore]
    public IEvent? Answer => Status switch
    {
        ReservationStatus.Reserved or ReservationStatus.Taken => new StockReserved(OrderId),
        ReservationStatus.Rejected => new StockRejected(OrderId, Reason!),
        _ => null,
    };

    public static string KeyOf(string orderId) => $"reservation-{orderId}";

    /// <summary>Reserves every line, or none.</summary>
    public static Change<Reservation> Reserve(OrderCreated order, Parts<Stock> stock)
    {
        foreach (var (productId, quantity) in Pieces(order.Lines))
        {
            // Orders knows the product, so it exists; its own event is still on the way here.
            var available = stock[Stock.KeyOf(productId)] ?? throw new ProductNotStockedException(productId);
            if (available.IsDiscontinued || available.OnHand < quantity)
            {
                var reason = available.IsDiscontinued ? $"Product '{productId}' is not for sale any more." : $"Of product '{productId}' there are {available.OnHand} on hand, not {quantity}.";
                return Answering(new(order.OrderId, ReservationStatus.Rejected, order.Lines, reason));
            }
        }

        Move(order.Lines, stock, (item, quantity) => item with { OnHand = item.OnHand - quantity, Reserved = item.Reserved + quantity });
        return Answering(new(order.OrderId, ReservationStatus.Reserved, order.Lines));
    }

    /// <summary>The order is paid: its pieces are sold.</summary>
    public Change<Reservation> Take(Parts<Stock> stock)
    {
        if (Status != ReservationStatus.Reserved)
        {
            return this.Unchanged();
        }

        Move(Lines, stock, (item, quantity) => item with { Reserved = item.Reserved - quantity, Sold = item.Sold + quantity });
        return (this with { Status = ReservationStatus.Taken }).Quietly();
    }

    /// <summary>The order is cancelled: its pieces are on hand again.</summary>
    public Change<Reservation> Release(Parts<Stock> stock)
    {
        switch (Status)
        {
            case ReservationStatus.Reserved:
                Move(Lines, stock, (item, quantity) => item with { Reserved = item.Reserved - quantity, OnHand = item.OnHand + quantity });
                break;
            case ReservationStatus.Taken:
                Move(Lines, stock, (item, quantity) => item with { Sold = item.Sold - quantity, OnHand = item.OnHand + quantity });
                break;
            default:
                return this.Unchanged();
        }

        return (this with { Status = ReservationStatus.Released }).Telling(new StockReleased(OrderId));
    }

    private static Change<Reservation> Answering(Reservation reservation) => reservation.Telling(reservation.Answer);

    private static IEnumerable<(string ProductId, long Quantity)> Pieces(IReadOnlyList<OrderLine> lines) =>
        lines.GroupBy(line => line.ProductId).Select(product => (product.Key, product.Sum(line => line.Quantity)));

    private static void Move(IReadOnlyList<OrderLine> lines, Parts<Stock> stock, Func<Stock, long, Stock> move)
    {
        foreach (var (productId, quantity) in Pieces(lines))
        {
            var key = Stock.KeyOf(productId);
            stock.Set(key, move(stock[key]!, quantity));
        }
    }
}

/// <summary>An order came before the product's own event; it is to come again.</summary>
public sealed class ProductNotStockedException(string productId) : Exception($"Product '{productId}' has not been stocked yet.");
