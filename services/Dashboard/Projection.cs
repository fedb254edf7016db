using System.Text.Json;
using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Dashboard;

/// <summary>What is known of a product.</summary>
/// <param name="OnHand">As it was told last, when the stock became low or enough again.</param>
/// <param name="LevelVersion">Of that word: an older one is passed over.</param>
public sealed record ProductFacts(string? Name, long Sold, decimal Revenue, bool IsLow, long OnHand, long LevelVersion);

/// <summary>
/// The dashboard's totals, all of one moment: after the first so many events of the journal. They are one document, saved in the same transaction as the facts they come from.
/// </summary>
/// <param name="Generation">Counts the rebuilds.</param>
/// <param name="Position">How many events of the journal are in it.</param>
/// <param name="Orders">How many orders are in each status.</param>
public sealed record Projection(
    int Generation, long Position, DateTimeOffset AsOf, IReadOnlyDictionary<string, int> Orders, decimal Revenue, IReadOnlyDictionary<string, ProductFacts> Products)
{
    private static readonly Dictionary<string, Type> Contracts = new()
    {
        [ProductCreated.Type] = typeof(ProductCreated),
        [StockLow.Type] = typeof(StockLow),
        [StockReplenished.Type] = typeof(StockReplenished),
        [OrderCreated.Type] = typeof(OrderCreated),
        [OrderConfirmed.Type] = typeof(OrderConfirmed),
        [OrderPaid.Type] = typeof(OrderPaid),
        [OrderShipped.Type] = typeof(OrderShipped),
        [OrderDelivered.Type] = typeof(OrderDelivered),
        [OrderCancelled.Type] = typeof(OrderCancelled),
        [OrderReturned.Type] = typeof(OrderReturned),
    };

    public static string KeyOf(int generation) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"dashboard-{generation}");

    public static Projection Empty(int generation) => new(generation, 0, DateTimeOffset.UnixEpoch, new Dictionary<string, int>(), 0, new Dictionary<string, ProductFacts>());

    /// <summary>The order an event is about; null: it is about none, or about what can be none.</summary>
    public static string? OrderOf(JournalEvent @event) => @event.Type.StartsWith("order.", StringComparison.Ordinal) && @event.Data.ValueKind == JsonValueKind.Object
        && @event.Data.TryGetProperty("orderId", out var id) && id.ValueKind == JsonValueKind.String && Ids.CanBe(id.GetString()) ? id.GetString() : null;

    /// <summary>Whether an event means something here, and is what its schema says.</summary>
    public static bool Understands(JournalEvent @event)
    {
        try
        {
            return Contracts.GetValueOrDefault(@event.Type) is { } contract && @event.Data.Deserialize(contract, EventJson.Strict) switch
            {
                ProductCreated product => Ids.CanBe(product.ProductId),
                StockLow low => Ids.CanBe(low.ProductId),
                StockReplenished enough => Ids.CanBe(enough.ProductId),
                OrderPaid paid => OrderOf(@event) is not null && paid.Lines.All(line => Ids.CanBe(line?.ProductId)),
                null => false,
                _ => OrderOf(@event) is not null,
            };
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>The totals after further events of the journal.</summary>
    /// <param name="find">The facts of an order, by its id.</param>
    /// <param name="save">Takes the order's new facts.</param>
    public Projection After(IReadOnlyList<JournalEvent> events, DateTimeOffset now, Func<string, OrderFacts?> find, Action<string, OrderFacts> save)
    {
        var totals = new Totals(this);

        // What an earlier version has let into the journal must not stop this one.
        foreach (var @event in events.Where(Understands))
        {
            if (OrderOf(@event) is { } orderId)
            {
                var known = find(orderId);
                var next = OrderFacts.Merge(known, StatusOf(@event.Type), @event.Type == OrderPaid.Type ? Read<OrderPaid>(@event) : null);
                totals.Count(known, -1);
                totals.Count(next, +1);
                save(orderId, next);
            }
            else if (@event.Type == ProductCreated.Type)
            {
                var product = Read<ProductCreated>(@event);
                totals.Change(product.ProductId, facts => facts with { Name = product.Name });
            }
            else if (@event.Type == StockLow.Type)
            {
                var low = Read<StockLow>(@event);
                totals.Change(low.ProductId, facts => low.Version <= facts.LevelVersion ? facts : facts with { IsLow = true, OnHand = low.OnHand, LevelVersion = low.Version });
            }
            else if (@event.Type == StockReplenished.Type)
            {
                var enough = Read<StockReplenished>(@event);
                totals.Change(enough.ProductId, facts => enough.Version <= facts.LevelVersion ? facts : facts with { IsLow = false, OnHand = enough.OnHand, LevelVersion = enough.Version });
            }
        }

        return new(Generation, Position + events.Count, now, totals.Orders, totals.Revenue, totals.Products);
    }

    private static string StatusOf(string type) => type == OrderCreated.Type ? OrderFacts.Statuses[0] : type["order.".Length..];

    private static T Read<T>(JournalEvent @event) => @event.Data.Deserialize<T>(JsonSerializerOptions.Web)!;

    private sealed class Totals(Projection before)
    {
        public Dictionary<string, int> Orders { get; } = new(before.Orders);

        public decimal Revenue { get; private set; } = before.Revenue;

        public Dictionary<string, ProductFacts> Products { get; } = new(before.Products);

        /// <summary>Counts an order in, or out.</summary>
        public void Count(OrderFacts? order, int sign)
        {
            if (order is null)
            {
                return;
            }

            Orders[order.Status] = Orders.GetValueOrDefault(order.Status) + sign;
            if (order.IsSold)
            {
                Revenue += sign * order.Paid!.Value;
                foreach (var line in order.Lines!)
                {
                    Change(line.ProductId, facts => facts with { Sold = facts.Sold + (sign * line.Quantity), Revenue = facts.Revenue + (sign * line.Quantity * line.Price) });
                }
            }
        }

        public void Change(string productId, Func<ProductFacts, ProductFacts> change) =>
            Products[productId] = change(Products.GetValueOrDefault(productId) ?? new(null, 0, 0, IsLow: false, 0, 0));
    }
}
