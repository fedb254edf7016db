using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lavka.Dashboard;

/// <summary>The API: <c>/v2/dashboard</c> and <c>/v2/admin/projections</c>. For operators.</summary>
public static class V2
{
    private const string Name = "dashboard";
    private const int TopProducts = 10;

    public sealed record SoldView(string ProductId, string? Name, long Sold, decimal Revenue);

    public sealed record RiskView(string ProductId, string? Name, long OnHand);

    /// <param name="AsOf">When the last event came into it: all totals are of this moment.</param>
    /// <param name="Position">How many events it is made from.</param>
    /// <param name="Revenue">Of the orders that are paid, and neither cancelled nor returned since.</param>
    /// <param name="TopProducts">Those of which most pieces were sold.</param>
    public sealed record DashboardView(
        DateTimeOffset AsOf, long Position, int Generation, IReadOnlyDictionary<string, int> Orders, decimal Revenue, IReadOnlyList<SoldView> TopProducts, IReadOnlyList<RiskView> StockAtRisk);

    /// <param name="Events">How many events are in the journal.</param>
    /// <param name="Position">How many of them are in what is shown.</param>
    public sealed record ProjectionView(string Name, int Generation, bool IsRebuilding, long Events, long Position);

    public static void MapV2(this WebApplication app)
    {
        app.MapGet("/v2/dashboard", async Task<Ok<DashboardView>> (Caller caller, Projector projector, CancellationToken stop) =>
        {
            caller.MustBeOperator();
            return TypedResults.Ok(View(await projector.Shown(stop)));
        }).WithTags("Dashboard").WithSummary("Orders by status, revenue, top products, stock at risk, all of one moment. For operators.");

        var projections = app.MapGroup("/v2/admin/projections/{name}").WithTags("Dashboard");
        projections.MapGet("", async Task<Ok<ProjectionView>> (string name, Caller caller, Projector projector, Journal journal, CancellationToken stop) =>
        {
            Check(name, caller);
            return TypedResults.Ok(await View(projector, journal, stop));
        }).WithSummary("How far a projection has read. For operators.");
        projections.MapPost("/rebuild", async Task<Accepted<ProjectionView>> (string name, Caller caller, Projector projector, Journal journal, CancellationToken stop) =>
        {
            Check(name, caller);
            await projector.Rebuild(stop);
            return TypedResults.Accepted($"/v2/admin/projections/{name}", await View(projector, journal, stop));
        }).WithSummary("Throw a projection away and make it again from the journal. For operators.");
    }

    private static void Check(string name, Caller caller)
    {
        caller.MustBeOperator();
        if (name != Name)
        {
            throw RequestException.NotFound($"There is no projection '{name}'; there is {Name}.");
        }
    }

    private static DashboardView View(Projection shown) => new(
        shown.AsOf, shown.Position, shown.Generation, OrderFacts.Statuses.ToDictionary(status => status, status => shown.Orders.GetValueOrDefault(status)), shown.Revenue,
        [.. shown.Products.Where(product => product.Value.Sold > 0).OrderByDescending(product => product.Value.Sold).ThenBy(product => product.Key, StringComparer.Ordinal).Take(TopProducts)
            .Select(product => new SoldView(product.Key, product.Value.Name, product.Value.Sold, product.Value.Revenue))],
        [.. shown.Products.Where(product => product.Value.IsLow).OrderBy(product => product.Value.OnHand).ThenBy(product => product.Key, StringComparer.Ordinal)
            .Select(product => new RiskView(product.Key, product.Value.Name, product.Value.OnHand))]);

    private static async Task<ProjectionView> View(Projector projector, Journal journal, CancellationToken stop)
    {
        var head = await projector.FindHead(stop);
        return new(Name, head.Shown, head.Building != head.Shown, await journal.Length(stop), (await projector.Shown(stop)).Position);
    }
}
