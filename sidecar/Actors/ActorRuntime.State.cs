using System.Globalization;
using Lavka.Sidecar.State;

namespace Lavka.Sidecar.Actors;

/// <summary>The actors' state, in the store that is marked <c>actorStateStore</c>.</summary>
internal sealed partial class ActorRuntime
{
    private IStateStore Store => _store?.Store ?? throw new ActorException("ERR_ACTOR_RUNTIME_NOT_FOUND",
        "the state store is not configured to use the actor runtime. Have you set the - name: actorStateStore value: \"true\" in your state store component file?");

    /// <summary>Null: there is no such key, be the actor active or not.</summary>
    public async Task<StateItem?> GetState(string type, string id, string key, CancellationToken stop)
    {
        CheckPlacement();
        var store = Store;
        try
        {
            return (await store.Get([StateKey(type, id, key)], stop))[0];
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            throw new ActorException("ERR_ACTOR_STATE_GET", $"error getting actor state: {e.Message}");
        }
    }

    /// <param name="type">The actor's type.</param>
    /// <param name="id">The actor's id.</param>
    /// <param name="operations">Upserts and deletes, all of them or none; read only for an actor that is active.</param>
    /// <param name="stop">Cancels.</param>
    /// <exception cref="ActorException">The actor is not active, or an operation is wrong.</exception>
    public async Task ChangeState(string type, string id, IEnumerable<ActorStateOperation> operations, CancellationToken stop)
    {
        CheckPlacement();
        var store = Store;
        if (!_active.ContainsKey((type, id)))
        {
            throw new ActorException("ERR_ACTOR_INSTANCE_MISSING", "actor instance is missing", 400) { Code = global::Grpc.Core.StatusCode.Internal };
        }

        try
        {
            if (operations.Select(operation => Read(type, id, operation)).ToList() is { Count: > 0 } changes)
            {
                await store.Apply(changes, stop);
            }
        }
        catch (Exception e) when (e is not (ActorException or ApiException) && !stop.IsCancellationRequested)
        {
            throw StateFailed(e.Message);
        }
    }

    /// <summary>A transaction cannot be made.</summary>
    public static ActorException StateFailed(string problem) => new("ERR_ACTOR_STATE_TRANSACTION_SAVE", $"error saving actor transaction state: {problem}");

    private StateOperation Read(string type, string id, ActorStateOperation operation)
    {
        if (operation.Type is not ("upsert" or "delete"))
        {
            throw StateFailed($"operation type {operation.Type} not supported");
        }

        if (string.IsNullOrEmpty(operation.Key))
        {
            throw StateFailed("missing key");
        }

        var key = StateKey(type, id, operation.Key);
        return operation.Type == "delete" ? new(key, null, operation.ETag) : new(key, operation.Value, operation.ETag, Ttl: Ttl(operation.Ttl));
    }

    private TimeSpan? Ttl(string? text) =>
        text is null ? null
        : !_ttlEnabled ? throw StateFailed("ttlInSeconds is not supported without the \"ActorStateTTL\" feature enabled")
        : !long.TryParse(text, CultureInfo.InvariantCulture, out var seconds) ? throw StateFailed($"ttlInSeconds is no number of seconds: {text}")
        : seconds > 0 ? TimeSpan.FromSeconds(Math.Min(seconds, int.MaxValue)) : null;

    private string StateKey(string type, string id, string key) => $"{_options.AppId}||{type}||{id}||{key}";
}
