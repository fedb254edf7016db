using Lavka.Contracts;
using Lavka.ServiceDefaults;

namespace Lavka.Gateway;

/// <summary>
/// The API: which service answers which path of <c>/v2</c>, and who may ask. What a customer may see of what they ask for, the service decides: it knows whose it is.
/// </summary>
public static class V2
{
    /// <summary>The app ids of services that tell nothing, and so have no topic.</summary>
    public const string Dashboard = "dashboard";
    public const string Loyalty = "loyalty";

    public static void MapV2(this WebApplication app)
    {
        var v2 = app.MapGroup("/v2").ExcludeFromDescription();
        v2.Forward("POST", "users", Topics.Users).RequireRateLimiting(Limits.Registration).AllowAnonymous();
        v2.Forward("GET", "users", Topics.Users).RequireAuthorization(SignInExtensions.OperatorsOnly);
        v2.Forward("GET", "users/{id}", Topics.Users).RequireAuthorization();
        v2.Forward("GET", "users/{id}/orders", Topics.Orders).RequireAuthorization();
        v2.Forward("*", "users/{id}/cart/{**rest}", Topics.Orders).RequireAuthorization();
        v2.Forward("GET", "users/{id}/messages", Topics.Notifications).RequireAuthorization();
        v2.Forward("*", "users/{id}/preferences", Topics.Notifications).RequireAuthorization();
        v2.Forward("GET", "users/{id}/points", Loyalty).RequireAuthorization();
        v2.Forward("GET", "products/{**rest}", Topics.Catalog).AllowAnonymous();
        v2.Forward("*", "products/{**rest}", Topics.Catalog).RequireAuthorization(SignInExtensions.OperatorsOnly);
        v2.Forward("GET", "inventory/{**rest}", Topics.Inventory).AllowAnonymous();
        v2.Forward("*", "inventory/{**rest}", Topics.Inventory).RequireAuthorization(SignInExtensions.OperatorsOnly);
        v2.Forward("*", "orders/{**rest}", Topics.Orders).RequireAuthorization();
        v2.Forward("*", "payments/{**rest}", Topics.Payments).RequireAuthorization();
        v2.Forward("*", "ledger/{**rest}", Topics.Payments).RequireAuthorization(SignInExtensions.OperatorsOnly);
        v2.Forward("*", "shipments/{**rest}", Topics.Shipping).RequireAuthorization();
        v2.Forward("POST", "webhooks/carrier", Topics.Shipping).AllowAnonymous();
        v2.Forward("GET", "dashboard", Dashboard).RequireAuthorization(SignInExtensions.OperatorsOnly);
        v2.Forward("GET", "admin/events", Dashboard).RequireAuthorization(SignInExtensions.OperatorsOnly).DisableRequestTimeout();
        v2.Forward("*", "admin/projections/{**rest}", Dashboard).RequireAuthorization(SignInExtensions.OperatorsOnly);
        v2.Map("{**path}", void (string? path) => throw RequestException.NotFound($"There is no '/v2/{path}' for this method; /docs shows what there is."));
    }

    private static IEndpointConventionBuilder Forward(this RouteGroupBuilder group, string method, string pattern, string service)
    {
        RequestDelegate forward = http => http.RequestServices.GetRequiredService<Forwarder>().Forward(http, service);
        return method == "*" ? group.Map(pattern, forward) : group.MapMethods(pattern, [method], forward);
    }
}
