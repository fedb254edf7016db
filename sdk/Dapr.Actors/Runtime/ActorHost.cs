using System.Text.Json;
using Dapr.Actors.Client;
using Microsoft.Extensions.Logging;

namespace Dapr.Actors.Runtime;

/// <summary>What the runtime gives an actor.</summary>
public sealed class ActorHost
{
    internal ActorHost(ActorTypeInformation type, ActorId id, JsonSerializerOptions json, ILoggerFactory logs, IActorProxyFactory proxies, ActorTimerManager timers, IActorStateManager state) =>
        (ActorTypeInfo, Id, JsonSerializerOptions, LoggerFactory, ProxyFactory, TimerManager, StateManager) = (type, id, json, logs, proxies, timers, state);

    /// <summary>The actor's class.</summary>
    public ActorTypeInformation ActorTypeInfo { get; }

    /// <summary>The actor's id.</summary>
    public ActorId Id { get; }

    /// <summary>How its state becomes JSON.</summary>
    public JsonSerializerOptions JsonSerializerOptions { get; }

    /// <summary>Where it reports to.</summary>
    public ILoggerFactory LoggerFactory { get; }

    /// <summary>Makes proxies of other actors.</summary>
    public IActorProxyFactory ProxyFactory { get; }

    /// <summary>Its timers and reminders.</summary>
    public ActorTimerManager TimerManager { get; }

    internal IActorStateManager StateManager { get; }
}
