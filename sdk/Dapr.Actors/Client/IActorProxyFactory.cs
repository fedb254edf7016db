namespace Dapr.Actors.Client;

/// <summary>Makes actor proxies.</summary>
public interface IActorProxyFactory
{
    /// <summary>A proxy with an actor interface's methods.</summary>
    /// <param name="actorId">The actor's id.</param>
    /// <param name="actorType">The actor's type.</param>
    /// <param name="options">How to call; null: the factory's.</param>
    TActorInterface CreateActorProxy<TActorInterface>(ActorId actorId, string actorType, ActorProxyOptions? options = null)
        where TActorInterface : IActor;

    /// <summary>A proxy that calls methods by name.</summary>
    /// <param name="actorId">The actor's id.</param>
    /// <param name="actorType">The actor's type.</param>
    /// <param name="options">How to call; null: the factory's.</param>
    ActorProxy Create(ActorId actorId, string actorType, ActorProxyOptions? options = null);
}
