using Dapr.Actors;
using Dapr.Actors.Client;
using Lavka.Contracts;

namespace Lavka.Orders;

/// <summary>
/// Sets a new order's deadline for payment: <c>Orders:PaymentDeadline</c>, 15 minutes by default, or the customer's own if that is shorter. An event starts it, so that no crash can
/// leave an order without one.
/// </summary>
public static class StartDeadline
{
    public static Task Handle(OrderCreated order, IActorProxyFactory actors, IConfiguration configuration)
    {
        var seconds = configuration.GetValue("Orders:PaymentDeadline", TimeSpan.FromMinutes(15)).TotalSeconds;
        return actors.CreateActorProxy<IPaymentDeadline>(new ActorId(order.OrderId), nameof(PaymentDeadlineActor)).Start(Math.Min(seconds, order.PayWithinSeconds ?? seconds));
    }
}
