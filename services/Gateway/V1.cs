using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Gateway;

/// <summary>
/// The plain API, which knows no sign-in: which service answers which path of <c>/v1</c>. <c>Gateway:V1</c> says for whom it is: <c>open</c> (the default), <c>operators</c>, or <c>off</c>.
/// </summary>
public static class V1
{
    public static void MapV1(this WebApplication app)
    {
        var v1 = app.MapGroup("/v1").ExcludeFromDescription();
        switch (app.Configuration.GetValue("Gateway:V1", "open"))
        {
            case "open":
                break;
            case "operators":
                v1.RequireAuthorization(SignInExtensions.OperatorsOnly);
                break;
            case "off":
                v1.Map("{**path}", void () => throw RequestException.NotFound("There is no /v1 here; see /docs."));
                return;
            case var other:
                throw new InvalidOperationException($"Gateway:V1 is '{other}'; allowed are open, operators and off.");
        }

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
