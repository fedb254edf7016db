using System.Diagnostics;
using System.Text.Json;
using Lavka.Contracts;

namespace Lavka.ServiceDefaults;

/// <summary>An event as it is kept until it is told.</summary>
/// <param name="Id">Made from the aggregate and its version: the same whenever it is told again.</param>
/// <param name="TraceParent">The trace it belongs to (W3C Trace Context); null: none.</param>
internal sealed record StoredEvent(string Id, string Type, string PartitionKey, JsonElement Data, string? TraceParent = null)
{
    public static StoredEvent From(string key, long version, IEvent @event) => new(
        $"{key}/{version}", EventType.Of(@event), @event.PartitionKey, JsonSerializer.SerializeToElement(@event, @event.GetType(), EventJson.Options), Activity.Current?.Id);

    /// <summary>An event that says how an aggregate is, though no change has made it: a question, or an answer, told again.</summary>
    public static StoredEvent Again(string key, long version, IEvent @event) => From(key, version, @event) with { Id = $"{key}/{version}/{EventType.Of(@event)}" };
}

/// <summary>An aggregate as it is saved.</summary>
/// <param name="State">The aggregate.</param>
/// <param name="Version">Counts its changes from 1.</param>
internal sealed record StoredAggregate<T>(T State, long Version);

/// <summary>One of the outbox keys: events that may not have been told yet, oldest first.</summary>
/// <param name="OldestPage">While the broker is away events move to pages of their own: the first of them,</param>
/// <param name="NextPage">and the one after the last.</param>
internal sealed record StoredOutbox(IReadOnlyList<StoredEvent> Events, int OldestPage = 0, int NextPage = 0)
{
    public bool HasPages => OldestPage < NextPage;
}
