using Dapr.Actors;
using Dapr.Actors.Client;
using Lavka.Contracts;
using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace Lavka.Orders;

/// <summary>The API of carts: <c>/v2/users/{id}/cart</c>.</summary>
public static class V2Carts
{
    public sealed record Pieces(long? Quantity);

    /// <param name="Total">What the customer expects to pay; 409 if it costs something else by now.</param>
    public sealed record Checkout(Address? Address, double? PayWithinSeconds, decimal? Total);

    public static void MapV2Carts(this WebApplication app)
    {
        var cart = app.MapGroup("/v2/users/{userId}/cart").WithTags("Carts");
        cart.MapGet("", async Task<Ok<CartView>> (string userId, Caller caller, IActorProxyFactory actors) =>
            TypedResults.Ok(Checked(await CartOf(userId, caller, actors).InvokeMethodAsync<CartAnswer>(nameof(ICart.Show))).Cart!)).WithSummary("A user's cart, at the prices of now.");
        cart.MapPut("/items/{productId}", async Task<Ok<CartView>> (string userId, string productId, Pieces pieces, Caller caller, IActorProxyFactory actors) =>
            TypedResults.Ok(Checked(await Change(CartOf(userId, caller, actors), new(productId, PlaceOrder.CheckedQuantity(productId, pieces.Quantity)))).Cart!))
            .WithSummary("Put so many pieces of a product into the cart.");
        cart.MapDelete("/items/{productId}", async Task<Ok<CartView>> (string userId, string productId, Caller caller, IActorProxyFactory actors) =>
            TypedResults.Ok(Checked(await Change(CartOf(userId, caller, actors), new(productId, 0))).Cart!)).WithSummary("Take a product out of the cart.");
        cart.MapPost("/checkout", async Task<Created<V2.OrderView>> (
            string userId, Checkout checkout, [FromHeader(Name = "Idempotency-Key")] string? idempotencyKey, Caller caller, IActorProxyFactory actors) =>
        {
            var request = new CheckoutRequest(idempotencyKey, checkout.Address, checkout.PayWithinSeconds, checkout.Total);
            var order = Checked(await CartOf(userId, caller, actors).InvokeMethodAsync<CheckoutRequest, CartAnswer>(nameof(ICart.Checkout), request)).Order!;
            return TypedResults.Created($"/v2/orders/{order.OrderId}", V2.OrderView.Of(order));
        }).WithSummary("Order what is in the cart. A cart is ordered once, however often and at once this is asked for.");
    }

    // Not a proxy of the interface: that makes its serializer's options anew for every call, at two fifths of the service's processor time.
    private static ActorProxy CartOf(string userId, Caller caller, IActorProxyFactory actors)
    {
        caller.MustBe(userId);
        return actors.Create(new ActorId(userId), nameof(CartActor));
    }

    private static Task<CartAnswer> Change(ActorProxy cart, CartChange change) => cart.InvokeMethodAsync<CartChange, CartAnswer>(nameof(ICart.Change), change);

    private static CartAnswer Checked(CartAnswer answer) => answer.Problem is null ? answer : throw new RequestException(answer.Status, answer.Problem);
}
