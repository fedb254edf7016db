using System.Text.Json.Serialization;
using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lavka.Payments;

/// <summary>The plain API: <c>/v1/payments</c>.</summary>
public static class V1
{
    public sealed record NewPayment([property: JsonPropertyName("order_id")] string? OrderId, decimal? Amount);

    public sealed record PaymentView([property: JsonPropertyName("order_id")] string OrderId, [property: JsonPropertyName("user_id")] string UserId, decimal Amount, string Status, string? Reason)
    {
        public static PaymentView Of(Payment payment) => new(payment.OrderId, payment.UserId, payment.Amount, payment.Status.ToName(), payment.Reason);
    }

    public static void MapV1(this WebApplication app)
    {
        var payments = app.MapGroup("/v1/payments").WithTags("Payments");
        payments.MapPost("", async Task<Created<PaymentView>> (NewPayment payment, AggregateStore store, Peers peers, TimeProvider time, CancellationToken stop) =>
        {
            var paid = await PayOrder.Handle(payment.OrderId, payment.Amount, store, peers, time, stop);
            return TypedResults.Created($"/v1/payments/{paid.OrderId}", PaymentView.Of(paid));
        }).WithSummary("Pay a confirmed order, once.");
        payments.MapGet("/{orderId}", async Task<Ok<PaymentView>> (string orderId, AggregateStore store, CancellationToken stop) =>
            await store.Find<Payment>(Payment.KeyOf(orderId), stop) is { } payment
                ? TypedResults.Ok(PaymentView.Of(payment))
                : throw RequestException.NotFound($"There is no payment for an order '{orderId}'."))
            .WithSummary("An order's payment.");
    }
}
