namespace Dapr.Actors;

/// <summary>Marks an interface as an actor's (Dapr: developing-applications/building-blocks/actors/actors-overview).</summary>
public interface IActor
{
}
