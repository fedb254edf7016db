using System.Text.Json.Serialization;
using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Payments;

[JsonConverter(typeof(JsonStringEnumConverter<PaymentStatus>))]
public enum PaymentStatus
{
    /// <summary>The money has been taken.</summary>
    Completed,

    /// <summary>The provider, or an operator, declined.</summary>
    Failed,

    /// <summary>The money has been given back.</summary>
    Refunded,

    /// <summary>The order was cancelled before it was charged; it never is.</summary>
    Void,

    /// <summary>The provider has not said whether it took the money; it is asked again until it does.</summary>
    Unknown,

    /// <summary>It looks like fraud; an operator is to look at it. No money has been taken.</summary>
    Review,

    /// <summary>An operator has approved it; it is being charged.</summary>
    Approved,
}

/// <summary>What became of an order's money. There is one for an order, whatever comes twice or late. No card's data comes here: those are between the customer and the provider.</summary>
/// <param name="MayBeTaken">Of a void one: whether the provider may have taken the money, and is to be asked to give it back.</param>
public sealed record Payment(string OrderId, string UserId, decimal Amount, PaymentStatus Status, string? Reason = null, bool MayBeTaken = false) : IAwaiting
{
    /// <summary>The index of the payments that were ever held.</summary>
    public const string ReviewIndex = "reviews";

    /// <summary>Whether the provider is yet to say what became of the charge.</summary>
    [JsonIgnore]
    public bool IsOpen => Status is PaymentStatus.Unknown or PaymentStatus.Approved;

    /// <summary>Whether the provider is to be asked again.</summary>
    [JsonIgnore]
    public bool IsWaiting => IsOpen || MayBeTaken;

    [JsonIgnore]
    public TimeSpan Patience => TimeSpan.FromSeconds(1);

    /// <summary>What a confirmed order that asks again has to know; null: it has to wait, or has gone on.</summary>
    [JsonIgnore]
    public IEvent? Answer => Status switch
    {
        PaymentStatus.Completed => new PaymentCompleted(OrderId, UserId, Amount),
        PaymentStatus.Failed => new PaymentFailed(OrderId, Reason!),
        _ => null,
    };

    public static string KeyOf(string orderId) => $"payment-{orderId}";

    /// <summary>What the provider's answer makes of a payment that is to be charged.</summary>
    public Change<Payment> Charged(ChargeOutcome outcome, string? reason, Parts<JournalPage> journal, DateTimeOffset now)
    {
        switch (outcome)
        {
            case ChargeOutcome.Taken:
                JournalPage.Charge(journal, OrderId, Amount, now);
                return Answering(this with { Status = PaymentStatus.Completed, Reason = null });
            case ChargeOutcome.Declined:
                return Answering(this with { Status = PaymentStatus.Failed, Reason = reason });
            default:
                return (this with { Status = PaymentStatus.Unknown, Reason = "The provider has not answered yet." }).Quietly();
        }
    }

    private static Change<Payment> Answering(Payment payment) => payment.Telling(payment.Answer);

    /// <summary>The money is back with the customer.</summary>
    public Change<Payment> Refund(Parts<JournalPage> journal, DateTimeOffset now)
    {
        JournalPage.Refund(journal, OrderId, Amount, now);
        return (this with { Status = PaymentStatus.Refunded }).Telling(new PaymentRefunded(OrderId, Amount));
    }
}
