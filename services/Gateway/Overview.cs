using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Lavka.Contracts;
using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lavka.Gateway;

/// <summary>A user's orders with what other services know of them: <c>GET /v2/users/{id}/overview</c>.</summary>
public static class Overview
{
    /// <param name="Payment">Null: none yet, or payments is away.</param>
    /// <param name="Shipment">Null: none yet, or shipping is away.</param>
    /// <param name="Messages">What the user was told about the order; empty too while notifications is away.</param>
    public sealed record OrderOverview(JsonObject Order, JsonObject? Payment, JsonObject? Shipment, IReadOnlyList<JsonObject> Messages);

    /// <param name="Unavailable">The services that are away: what they know is missing.</param>
    public sealed record OverviewView(IReadOnlyList<OrderOverview> Orders, IReadOnlyList<string> Unavailable, string? NextCursor);

    private sealed record JsonPage(IReadOnlyList<JsonObject> Items, string? NextCursor);

    public static void MapOverview(this WebApplication app) =>
        app.MapGet("/v2/users/{id}/overview", async Task<Ok<OverviewView>> (string id, string? cursor, int? limit, HttpContext http, Peers peers, CancellationToken stop) =>
            http.User.Role() == Roles.Operator || http.User.UserId() == id
                ? TypedResults.Ok(await Compose(id, cursor, limit ?? 10, peers, stop))
                : throw RequestException.NotFound($"There is no user '{id}'."))
            .RequireAuthorization().WithTags("Orders").WithSummary("A user's orders, each with its payment, shipment and messages; partial while a service is away, and saying which.");

    private static async Task<OverviewView> Compose(string userId, string? cursor, int limit, Peers peers, CancellationToken stop)
    {
        // Without the orders there is nothing to show; every other part may be missing.
        var user = Uri.EscapeDataString(userId);
        var orders = await peers.Get<JsonPage>(Topics.Orders, $"/v2/users/{user}/orders?limit={Page.Limit(limit)}{(cursor is null ? "" : $"&cursor={Uri.EscapeDataString(cursor)}")}", stop);
        var away = new ConcurrentDictionary<string, bool>();
        var parts = await Task.WhenAll(orders!.Items.Select(async order =>
        {
            var id = Uri.EscapeDataString((string)order["id"]!);
            var (payment, shipment) = (Ask<JsonObject>(Topics.Payments, $"/v2/payments/{id}"), Ask<JsonObject>(Topics.Shipping, $"/v2/shipments/{id}"));
            var messages = Ask<IReadOnlyList<JsonObject>>(Topics.Notifications, $"/orders/{id}/messages");
            return new OrderOverview(order, await payment, await shipment, await messages ?? []);
        }));
        return new(parts, [.. away.Keys.Order()], orders.NextCursor);

        async Task<T?> Ask<T>(string service, string path)
            where T : class
        {
            try
            {
                return await peers.Get<T>(service, path, stop);
            }
            catch (RequestException)
            {
                away[service] = true;
                return null;
            }
        }
    }
}
