using System.Text.Json.Nodes;
using Dapr.Actors;
using Dapr.Actors.Runtime;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Microsoft.AspNetCore.Builder;

/// <summary>The endpoints through which the sidecar reaches actors.</summary>
public static class ActorsEndpointRouteBuilderExtensions
{
    /// <summary>Maps the actor endpoints (Dapr: reference/api/actors_api, calling user service code).</summary>
    /// <param name="endpoints">The application.</param>
    /// <exception cref="InvalidOperationException"><c>AddActors</c> was not called.</exception>
    public static IEndpointConventionBuilder MapActorsHandlers(this IEndpointRouteBuilder endpoints)
    {
        var hosting = endpoints.ServiceProvider.GetService<ActorHosting>() ?? throw new InvalidOperationException("Call AddActors before MapActorsHandlers.");
        var options = endpoints.ServiceProvider.GetRequiredService<ActorRuntimeOptions>();
        var group = endpoints.MapGroup("");
        group.MapGet("dapr/config", () => Results.Text(Config(options), "application/json"));
        group.MapDelete("actors/{actorType}/{actorId}", (string actorType, string actorId) => hosting.Deactivate(actorType, actorId));
        group.MapPut("actors/{actorType}/{actorId}/method/{method}",
            (HttpContext http, string actorType, string actorId, string method) => hosting.Invoke(http, actorType, actorId, method));
        group.MapPut("actors/{actorType}/{actorId}/method/remind/{name}",
            (HttpContext http, string actorType, string actorId, string name) => hosting.Remind(http, actorType, actorId, name));
        group.MapPut("actors/{actorType}/{actorId}/method/timer/{name}",
            (HttpContext http, string actorType, string actorId, string name) => hosting.FireTimer(http, actorType, actorId));
        return group;
    }

    private static string Config(ActorRuntimeOptions options)
    {
        var config = new JsonObject { ["entities"] = new JsonArray([.. options.Actors.Select(actor => (JsonNode)actor.Type.ActorTypeName)]) };
        if (options.ActorIdleTimeout is { } idle)
        {
            config["actorIdleTimeout"] = ActorTime.Format(idle);
        }

        var reentrancy = new JsonObject { ["enabled"] = options.ReentrancyConfig.Enabled };
        if (options.ReentrancyConfig.MaxStackDepth is { } depth)
        {
            reentrancy["maxStackDepth"] = depth;
        }

        config["reentrancy"] = reentrancy;
        return config.ToJsonString();
    }
}
