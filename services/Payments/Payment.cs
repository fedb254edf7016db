using System.Text.Json.Serialization;
using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Payments;

[JsonConverter(typeof(JsonStringEnumConverter<PaymentStatus>))]
public enum PaymentStatus
{
    /// <summary>The money has been taken.</summary>
    Completed,

    /// <summary>The provider declined.</summary>
    Failed,

    /// <summary>The money has been given back.</summary>
    Refunded,

    /// <summary>The order was cancelled before it was charged; it never is.</summary>
    Void,
}

/// <summary>What became of an order's money. There is one for an order, whatever comes twice or late.</summary>
public sealed record Payment(string OrderId, string UserId, decimal Amount, PaymentStatus Status, string? Reason = null)
{
    public static string KeyOf(string orderId) => $"payment-{orderId}";

    /// <summary>What the provider's answer makes of a charge.</summary>
    public static Change<Payment> From(string orderId, string userId, decimal amount, string? declined) => declined is null
        ? new Payment(orderId, userId, amount, PaymentStatus.Completed).Telling(new PaymentCompleted(orderId, userId, amount))
        : new Payment(orderId, userId, amount, PaymentStatus.Failed, declined).Telling(new PaymentFailed(orderId, declined));

    /// <summary>The money is back with the customer.</summary>
    public Change<Payment> Refund() => (this with { Status = PaymentStatus.Refunded }).Telling(new PaymentRefunded(OrderId, Amount));
}
