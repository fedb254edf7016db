using System.Runtime.CompilerServices;
using Lavka.Contracts;
using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lavka.Gateway;

/// <summary>What has stood still for too long, in all services, for operators: <c>/v2/admin/standing</c>.</summary>
public static class StandingAdmin
{
    private static readonly string[] Services = [Topics.Catalog, Topics.Inventory, Topics.Orders, Topics.Payments];

    /// <param name="Key">What stands still, for example <c>order-01a2...</c>.</param>
    /// <param name="Since">Since when.</param>
    /// <param name="FollowUps">How often it was followed up since.</param>
    public sealed record StandingView(string Service, string Key, DateTimeOffset Since, int FollowUps);

    public sealed record ListView(IReadOnlyList<StandingView> Items, IReadOnlyList<string> Unavailable);

    public static void MapStandingAdmin(this WebApplication app) =>
        app.MapGet("/v2/admin/standing", async Task<Ok<ListView>> (Peers peers, CancellationToken cancellationToken) => TypedResults.Ok(await List(peers, cancellationToken)))
            .RequireAuthorization(SignInExtensions.OperatorsOnly).WithTags("Standing still").WithSummary("What waits although it was followed up more than once, longest first of each service.");

    private static async Task<ListView> List(Peers peers, CancellationToken cancellationToken)
    {
        var (items, away) = await EachService.Ask(Services, service => ListOf(service, peers, cancellationToken));
        return new(items, away);
    }

    private static async IAsyncEnumerable<StandingView> ListOf(string service, Peers peers, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var entry in (await peers.Get<Standing>(service, "/standing", cancellationToken))!.Entries)
        {
            yield return new(service, entry.Key, entry.Since, entry.Times);
        }
    }
}
