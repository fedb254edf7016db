namespace Dapr.Actors;

/// <summary>Whether an actor may be called in the course of its own call (Dapr: developing-applications/building-blocks/actors/actor-reentrancy).</summary>
public sealed class ActorReentrancyConfig
{
    /// <summary>Whether it may. By default not.</summary>
    public bool Enabled { get; set; }

    /// <summary>How deep; null: Dapr's own limit, 32.</summary>
    public int? MaxStackDepth { get; set; }
}
