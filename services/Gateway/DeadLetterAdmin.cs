using System.Net;
using System.Runtime.CompilerServices;
using Lavka.Contracts;
using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lavka.Gateway;

/// <summary>The dead letters of all services, for operators: <c>/v2/admin/dead-letters</c>.</summary>
public static class DeadLetterAdmin
{
    private static readonly string[] Services = [Topics.Users, Topics.Catalog, Topics.Inventory, Topics.Orders, Topics.Payments, Topics.Shipping, Topics.Notifications, V2.Loyalty];

    public sealed record DeadLetterView(string Service, DeadLetter DeadLetter);

    public sealed record ListView(IReadOnlyList<DeadLetterView> Items, IReadOnlyList<string> Unavailable);

    /// <param name="Resent">How many passed.</param>
    /// <param name="Refused">How many were refused again, and stay.</param>
    public sealed record ResendView(int Resent, int Refused);

    public static void MapDeadLetterAdmin(this WebApplication app)
    {
        var letters = app.MapGroup("/v2/admin/dead-letters").RequireAuthorization(SignInExtensions.OperatorsOnly).WithTags("Dead letters");
        letters.MapGet("", async Task<Ok<ListView>> (string? service, Peers peers, CancellationToken stop) => TypedResults.Ok(await List(service, peers, stop)))
            .WithSummary("The events that services could not take, newest first of each service.");
        letters.MapGet("/{service}/{id}", async Task<Ok<DeadLetter>> (string service, string id, Peers peers, CancellationToken stop) =>
            TypedResults.Ok(await peers.Get<DeadLetter>(Known(service), $"/dead-letters/{Uri.EscapeDataString(id)}", stop) ?? throw RequestException.NotFound($"There is no dead letter '{id}' of {service}.")))
            .WithSummary("One of them, with its data and the reason.");
        letters.MapPost("/{service}/{id}/resend", async Task<Ok<ResendView>> (string service, string id, Peers peers, CancellationToken stop) =>
            TypedResults.Ok(await Resend(Known(service), id, peers, stop) ? new ResendView(1, 0) : new ResendView(0, 1)))
            .WithSummary("Deliver it once more, to the service that refused it.");
        letters.MapPost("/resend", async Task<Ok<ResendView>> (string? service, Peers peers, CancellationToken stop) =>
        {
            var outcomes = new List<bool>();
            foreach (var letter in (await List(service, peers, stop)).Items)
            {
                outcomes.Add(await TryResend(letter, peers, stop));
            }

            return TypedResults.Ok(new ResendView(outcomes.Count(passed => passed), outcomes.Count(passed => !passed)));
        }).WithSummary("Deliver all of them once more, or all of one service.");
    }

    private static async Task<ListView> List(string? service, Peers peers, CancellationToken stop)
    {
        var (items, away) = await EachService.Ask(service is null ? Services : [Known(service)], one => ListOf(one, peers, stop));
        return new(items, away);
    }

    private static async IAsyncEnumerable<DeadLetterView> ListOf(string one, Peers peers, [EnumeratorCancellation] CancellationToken stop)
    {
        // One that passed and was refused again may be in the list twice.
        var seen = new HashSet<string>();
        for (string? cursor = ""; cursor is not null;)
        {
            var page = await peers.Get<Page<DeadLetter>>(one, $"/dead-letters?limit=100{(cursor.Length == 0 ? "" : $"&cursor={cursor}")}", stop);
            foreach (var letter in page!.Items.Where(one => seen.Add(one.Id)))
            {
                yield return new(one, letter);
            }

            cursor = page.NextCursor;
        }
    }

    /// <summary>One that cannot be delivered now is not to keep the others back.</summary>
    private static async Task<bool> TryResend(DeadLetterView letter, Peers peers, CancellationToken stop)
    {
        try
        {
            return await Resend(letter.Service, letter.DeadLetter.Id, peers, stop);
        }
        catch (RequestException)
        {
            return false;
        }
    }

    private static string Known(string service) => Services.Contains(service) ? service : throw RequestException.NotFound($"There is no service '{service}'; there are {string.Join(", ", Services)}.");

    private static async Task<bool> Resend(string service, string id, Peers peers, CancellationToken stop)
    {
        using var response = await peers.Send(service, HttpMethod.Post, $"/dead-letters/{Uri.EscapeDataString(id)}/resend", stop);
        return response.StatusCode == HttpStatusCode.NotFound ? throw RequestException.NotFound($"There is no dead letter '{id}' of {service}.") : response.IsSuccessStatusCode;
    }
}
