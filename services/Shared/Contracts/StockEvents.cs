namespace Lavka.Contracts;

/// <summary>Every line of the order is reserved.</summary>
public sealed record StockReserved(string OrderId) : IEvent
{
    public static string Topic => Topics.Inventory;

    public static string Type => "stock.reserved";

    public string PartitionKey => OrderId;
}

/// <summary>Not every line of the order can be reserved, so none is.</summary>
public sealed record StockRejected(string OrderId, string Reason) : IEvent
{
    public static string Topic => Topics.Inventory;

    public static string Type => "stock.rejected";

    public string PartitionKey => OrderId;
}

/// <summary>What was reserved or taken for the order is on hand again.</summary>
public sealed record StockReleased(string OrderId) : IEvent
{
    public static string Topic => Topics.Inventory;

    public static string Type => "stock.released";

    public string PartitionKey => OrderId;
}

/// <summary>More pieces of a product have come.</summary>
public sealed record StockRestocked(string ProductId, long Quantity) : IEvent
{
    public static string Topic => Topics.Inventory;

    public static string Type => "stock.restocked";

    public string PartitionKey => ProductId;
}

/// <summary>So few pieces of a product are left that somebody should order more.</summary>
/// <param name="Version">Counts the changes between low and not low, so that an old one does not overwrite a new one.</param>
public sealed record StockLow(string ProductId, long OnHand, long Threshold, long Version) : IEvent
{
    public static string Topic => Topics.Inventory;

    public static string Type => "stock.low";

    public string PartitionKey => ProductId;
}

/// <summary>There are enough pieces of a product again.</summary>
public sealed record StockReplenished(string ProductId, long OnHand, long Version) : IEvent
{
    public static string Topic => Topics.Inventory;

    public static string Type => "stock.replenished";

    public string PartitionKey => ProductId;
}
