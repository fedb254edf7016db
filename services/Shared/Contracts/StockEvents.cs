namespace Lavka.Contracts;

/// <summary>Every line of the order is reserved.</summary>
public sealed record StockReserved(string OrderId) : IEvent
{
    public static string Type => "stock.reserved";

    public string PartitionKey => OrderId;
}

/// <summary>Not every line of the order can be reserved, so none is.</summary>
public sealed record StockRejected(string OrderId, string Reason) : IEvent
{
    public static string Type => "stock.rejected";

    public string PartitionKey => OrderId;
}

/// <summary>What was reserved or taken for the order is on hand again.</summary>
public sealed record StockReleased(string OrderId) : IEvent
{
    public static string Type => "stock.released";

    public string PartitionKey => OrderId;
}
