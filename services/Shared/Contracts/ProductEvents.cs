namespace Lavka.Contracts;

/// <summary>A product is for sale, with so many pieces to start with.</summary>
public sealed record ProductCreated(string ProductId, string Name, decimal Price, long Stock, string? Description = null, string? Category = null) : IEvent
{
    public static string Topic => Topics.Catalog;

    public static string Type => "product.created";

    public string PartitionKey => ProductId;
}

/// <summary>A product costs something else.</summary>
public sealed record PriceChanged(string ProductId, decimal Price, long Version) : IEvent
{
    public static string Topic => Topics.Catalog;

    public static string Type => "price.changed";

    public string PartitionKey => ProductId;
}

/// <summary>A product is not for sale any more.</summary>
public sealed record ProductDiscontinued(string ProductId) : IEvent
{
    public static string Topic => Topics.Catalog;

    public static string Type => "product.discontinued";

    public string PartitionKey => ProductId;
}
