using System.Collections.ObjectModel;

namespace Dapr.Actors.Runtime;

/// <summary>An actor type that an app hosts.</summary>
/// <param name="type">The class.</param>
public sealed class ActorRegistration(ActorTypeInformation type)
{
    /// <summary>The class.</summary>
    public ActorTypeInformation Type { get; } = type;
}

/// <summary>The actor types that an app hosts.</summary>
public sealed class ActorRegistrationCollection : KeyedCollection<ActorTypeInformation, ActorRegistration>
{
    /// <summary>Hosts an actor class.</summary>
    /// <param name="configure">Settings of this type.</param>
    public void RegisterActor<TActor>(Action<ActorRegistration>? configure = null)
        where TActor : Actor => Add<TActor>(null, configure);

    /// <summary>Hosts an actor class under a name.</summary>
    /// <param name="actorTypeName">The actor type's name.</param>
    /// <param name="configure">Settings of this type.</param>
    public void RegisterActor<TActor>(string actorTypeName, Action<ActorRegistration>? configure = null)
        where TActor : Actor => Add<TActor>(actorTypeName, configure);

    /// <inheritdoc />
    protected override ActorTypeInformation GetKeyForItem(ActorRegistration item) => item.Type;

    private void Add<TActor>(string? name, Action<ActorRegistration>? configure)
    {
        var registration = new ActorRegistration(ActorTypeInformation.Get(typeof(TActor), name));
        configure?.Invoke(registration);
        Add(registration);
    }
}
