using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Gateway;

/// <summary>The plain API: which service answers which path of <c>/v1</c>.</summary>
public static class V1
{
    public static void MapV1(this WebApplication app)
    {
        var v1 = app.MapGroup("/v1");
        v1.Forward("users/{id}/orders", Topics.Orders);
        v1.Forward("users/{id}/messages", Topics.Notifications);
        v1.Forward("users/{**rest}", Topics.Users);
        v1.Forward("products/{**rest}", Topics.Catalog);
        v1.Forward("inventory/{**rest}", Topics.Inventory);
        v1.Forward("orders/{**rest}", Topics.Orders);
        v1.Forward("payments/{**rest}", Topics.Payments);
        v1.Forward("shipments/{**rest}", Topics.Shipping);
        v1.Map("{**path}", void (string? path) => throw RequestException.NotFound(
            $"There is no '/v1/{path}'; there are users, products, inventory, orders, payments and shipments."));
    }

    private static void Forward(this RouteGroupBuilder group, string pattern, string service) =>
        group.Map(pattern, (HttpContext http, Forwarder forwarder) => forwarder.Forward(http, service));
}
