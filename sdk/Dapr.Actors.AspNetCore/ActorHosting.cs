using System.Collections.Concurrent;
using System.Reflection;
using System.Text.Json;
using Dapr.Actors.Client;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Dapr.Actors.Runtime;

/// <summary>The active actors of this app, by type and id. The sidecar sees to it that an actor has one call at a time.</summary>
internal sealed class ActorHosting(ActorRuntimeOptions options, IServiceProvider services, ILoggerFactory logs, IActorProxyFactory proxies)
{
    private sealed record Active(Actor Actor, AsyncServiceScope Scope);

    private readonly DaprActorHttp _http = new(ActorsServiceCollectionExtensions.EndpointOf(options, services), ActorsServiceCollectionExtensions.TokenOf(options, services));
    private readonly ConcurrentDictionary<(string Type, string Id), Active> _actors = new();

    public async Task Invoke(HttpContext context, string actorType, string actorId, string method)
    {
        var type = Find(actorType);
        var target = type.InterfaceTypes.SelectMany(contract => contract.GetMethods()).FirstOrDefault(candidate => candidate.Name == method);
        if (target is null)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        DaprActorHttp.ReentrancyId = context.Request.Headers["Dapr-Reentrancy-Id"].FirstOrDefault();
        var result = await Run(type, actorId, async actor =>
        {
            var task = (Task)target.Invoke(actor, await Arguments(target, context))!;
            await task;
            return target.ReturnType.IsGenericType ? task.GetType().GetProperty(nameof(Task<object>.Result))!.GetValue(task) : NoResult;
        });
        if (!ReferenceEquals(result, NoResult))
        {
            await context.Response.WriteAsJsonAsync(result, target.ReturnType.GetGenericArguments()[0], options.JsonSerializerOptions, context.RequestAborted);
        }
    }

    public async Task Remind(HttpContext context, string actorType, string actorId, string name)
    {
        using var body = await JsonDocument.ParseAsync(context.Request.Body, cancellationToken: context.RequestAborted);
        var type = Find(actorType);
        if (!type.IsRemindable)
        {
            return;
        }

        var due = ActorTime.Parse(Text(body, "dueTime"));
        var period = ActorTime.Parse(Text(body, "period"));
        await Run(type, actorId, async actor =>
        {
            await ((IRemindable)actor).ReceiveReminderAsync(name, Data(body), due, period);
            return NoResult;
        });
    }

    public async Task FireTimer(HttpContext context, string actorType, string actorId)
    {
        using var body = await JsonDocument.ParseAsync(context.Request.Body, cancellationToken: context.RequestAborted);
        var type = Find(actorType);
        var callback = type.ImplementationType.GetMethod(Text(body, "callback") ?? "", BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)
            ?? throw new InvalidOperationException($"The actor type {actorType} has no method '{Text(body, "callback")}' for its timer.");
        await Run(type, actorId, async actor =>
        {
            await (Task)callback.Invoke(actor, callback.GetParameters().Length == 0 ? [] : [Data(body)])!;
            return NoResult;
        });
        await context.Response.WriteAsJsonAsync(false, context.RequestAborted);
    }

    public async Task Deactivate(string actorType, string actorId)
    {
        if (_actors.TryRemove((actorType, actorId), out var active))
        {
            await active.Actor.Deactivate();
            await active.Scope.DisposeAsync();
        }
    }

    private static object NoResult { get; } = new();

    private static string? Text(JsonDocument body, string name) => body.RootElement.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static byte[] Data(JsonDocument body) => Text(body, "data") is { } base64 ? Convert.FromBase64String(base64) : [];

    private ActorTypeInformation Find(string name) => options.Actors.FirstOrDefault(actor => actor.Type.ActorTypeName == name)?.Type
        ?? throw new InvalidOperationException($"Actor type {name} is not registered with Actor runtime.");

    private async Task<object?[]> Arguments(MethodInfo method, HttpContext context)
    {
        var arguments = new List<object?>();
        foreach (var parameter in method.GetParameters())
        {
            arguments.Add(parameter.ParameterType == typeof(CancellationToken)
                ? context.RequestAborted
                : await JsonSerializer.DeserializeAsync(context.Request.Body, parameter.ParameterType, options.JsonSerializerOptions, context.RequestAborted));
        }

        return [.. arguments];
    }

    private async Task<object?> Run(ActorTypeInformation type, string id, Func<Actor, Task<object?>> call)
    {
        var actor = await Activate(type, id);
        try
        {
            var result = await call(actor);
            await actor.StateManager.SaveStateAsync();
            return result;
        }
        catch
        {
            await actor.StateManager.ClearCacheAsync();
            throw;
        }
    }

    private async Task<Actor> Activate(ActorTypeInformation type, string id)
    {
        if (_actors.TryGetValue((type.ActorTypeName, id), out var active))
        {
            return active.Actor;
        }

        var scope = services.CreateAsyncScope();
        var host = new ActorHost(type, new ActorId(id), options.JsonSerializerOptions, logs, proxies, new SidecarTimerManager(_http),
            new ActorStateManager(type.ActorTypeName, id, _http, options.JsonSerializerOptions));
        var actor = (Actor)ActivatorUtilities.CreateInstance(scope.ServiceProvider, type.ImplementationType, host);
        await actor.Activate();
        await actor.StateManager.SaveStateAsync();
        _actors[(type.ActorTypeName, id)] = new(actor, scope);
        return actor;
    }
}
