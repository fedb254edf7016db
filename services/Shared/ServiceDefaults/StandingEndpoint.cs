using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Lavka.ServiceDefaults;

/// <summary>Shows what stands still in a service. The Gateway offers this to operators, for all services.</summary>
internal static class StandingEndpoint
{
    public static void MapStanding(this WebApplication app) =>
        app.MapGet("/standing", async Task<Ok<Standing>> (AggregateStore store, CancellationToken cancellationToken) =>
            TypedResults.Ok(await store.FindPart<Standing>(Standing.Key, cancellationToken) ?? new([]))).ExcludeFromDescription();
}
