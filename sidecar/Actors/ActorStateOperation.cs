namespace Lavka.Sidecar.Actors;

/// <summary>One change in a transaction of an actor's state (Dapr: reference/api/actors_api).</summary>
/// <param name="Type"><c>upsert</c> or <c>delete</c>.</param>
/// <param name="Key">The key as the actor knows it; none is an error.</param>
internal sealed record ActorStateOperation(string Type, string? Key)
{
    /// <summary>What to save.</summary>
    public byte[] Value { get; init; } = [];

    /// <summary>What the item must have; null: whatever it has.</summary>
    public string? ETag { get; init; }

    /// <summary>In seconds, as the caller wrote it; null: it does not expire.</summary>
    public string? Ttl { get; init; }
}
