namespace Lavka.Contracts;

/// <summary>The order's money has been taken.</summary>
public sealed record PaymentCompleted(string OrderId, string UserId, decimal Amount) : IEvent
{
    public static string Topic => Topics.Payments;

    public static string Type => "payment.completed";

    public string PartitionKey => OrderId;
}

/// <summary>The provider declined; no money has been taken.</summary>
public sealed record PaymentFailed(string OrderId, string Reason) : IEvent
{
    public static string Topic => Topics.Payments;

    public static string Type => "payment.failed";

    public string PartitionKey => OrderId;
}

/// <summary>The order's money has been given back.</summary>
public sealed record PaymentRefunded(string OrderId, decimal Amount) : IEvent
{
    public static string Topic => Topics.Payments;

    public static string Type => "payment.refunded";

    public string PartitionKey => OrderId;
}

/// <summary>The payment looks like fraud; an operator is to look at it. No money has been taken.</summary>
public sealed record PaymentHeld(string OrderId, string UserId, decimal Amount, string Reason) : IEvent
{
    public static string Topic => Topics.Payments;

    public static string Type => "payment.held";

    public string PartitionKey => OrderId;
}

/// <summary>An operator has looked at a held payment; it is to be charged.</summary>
public sealed record PaymentApproved(string OrderId) : IEvent
{
    public static string Topic => Topics.Payments;

    public static string Type => "payment.approved";

    public string PartitionKey => OrderId;
}
