namespace Lavka.Contracts;

/// <summary>The order's money has been taken.</summary>
public sealed record PaymentCompleted(string OrderId, string UserId, decimal Amount) : IEvent
{
    public static string Type => "payment.completed";

    public string PartitionKey => OrderId;
}

/// <summary>The provider declined; no money has been taken.</summary>
public sealed record PaymentFailed(string OrderId, string Reason) : IEvent
{
    public static string Type => "payment.failed";

    public string PartitionKey => OrderId;
}

/// <summary>The order's money has been given back.</summary>
public sealed record PaymentRefunded(string OrderId, decimal Amount) : IEvent
{
    public static string Type => "payment.refunded";

    public string PartitionKey => OrderId;
}
