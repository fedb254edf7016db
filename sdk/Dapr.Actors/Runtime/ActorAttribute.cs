namespace Dapr.Actors.Runtime;

/// <summary>Names an actor's type otherwise than its class.</summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class ActorAttribute : Attribute
{
    /// <summary>The type's name; null: the class's.</summary>
    public string? TypeName { get; set; }
}
