using Lavka.Contracts;

namespace Lavka.Dashboard;

/// <summary>
/// What is known of an order. Facts only come to it, and which came first makes no difference: so no repeat and no other order of events changes what it ends as.
/// </summary>
/// <param name="Status">The farthest that it was told to have come.</param>
/// <param name="Paid">What was paid; null: nothing yet.</param>
/// <param name="Lines">What was bought, once it is paid.</param>
public sealed record OrderFacts(string Status, decimal? Paid, IReadOnlyList<OrderLine>? Lines)
{
    /// <summary>From the first to the last; cancelled and returned end an order wherever it is.</summary>
    public static IReadOnlyList<string> Statuses => InOrder;

    private static readonly string[] InOrder = ["pending", "confirmed", "paid", "shipped", "delivered", "cancelled", "returned"];

    public static string KeyOf(int generation, string orderId) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"order-{generation}-{orderId}");

    /// <summary>Whether its money and its pieces count.</summary>
    public bool IsSold => Paid is not null && Status is not ("cancelled" or "returned");

    /// <summary>The facts with those of an event.</summary>
    public static OrderFacts Merge(OrderFacts? known, string status, OrderPaid? paid)
    {
        var farthest = known is null || Rank(status) > Rank(known.Status) ? status : known.Status;
        return new(farthest, paid?.Total ?? known?.Paid, paid?.Lines ?? known?.Lines);
    }

    private static int Rank(string status) => Array.IndexOf(InOrder, status);
}
