using System.Reflection;

namespace Dapr.Actors.Runtime;

/// <summary>What the runtime knows of an actor class.</summary>
public sealed class ActorTypeInformation
{
    private ActorTypeInformation(string name, Type type) => (ActorTypeName, ImplementationType) = (name, type);

    /// <summary>The actor type's name.</summary>
    public string ActorTypeName { get; }

    /// <summary>The class.</summary>
    public Type ImplementationType { get; }

    /// <summary>The actor interfaces it has.</summary>
    public IEnumerable<Type> InterfaceTypes => ImplementationType.GetInterfaces().Where(type => type != typeof(IActor) && typeof(IActor).IsAssignableFrom(type));

    /// <summary>Whether it has reminders.</summary>
    public bool IsRemindable => typeof(IRemindable).IsAssignableFrom(ImplementationType);

    /// <summary>Looks at a class.</summary>
    /// <param name="actorType">The class.</param>
    /// <param name="actorTypeName">The name; null: the attribute's, or the class's.</param>
    /// <exception cref="ArgumentException">It is no actor.</exception>
    public static ActorTypeInformation Get(Type actorType, string? actorTypeName)
    {
        var information = new ActorTypeInformation(actorTypeName ?? actorType.GetCustomAttribute<ActorAttribute>()?.TypeName ?? actorType.Name, actorType);
        return typeof(Actor).IsAssignableFrom(actorType) && information.InterfaceTypes.Any()
            ? information
            : throw new ArgumentException($"The type '{actorType}' is not an actor: it must derive from Actor and have an interface that derives from IActor.", nameof(actorType));
    }
}
