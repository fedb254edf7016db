using System.Buffers;
using System.Text.Json;

namespace Dapr.Actors.Runtime;

/// <summary>An actor's state at the sidecar, read once and saved in one transaction.</summary>
internal sealed class ActorStateManager(string type, string id, DaprActorHttp http, JsonSerializerOptions json) : IActorStateManager
{
    // A state that is there but null has been removed; its save deletes it.
    private readonly Dictionary<string, (bool Exists, object? Value, bool Changed)> _states = [];

    public async Task<T> GetStateAsync<T>(string stateName, CancellationToken cancellationToken = default)
    {
        var state = await TryGetStateAsync<T>(stateName, cancellationToken).ConfigureAwait(false);
        return state.HasValue ? state.Value : throw new KeyNotFoundException($"An actor state with name {stateName} does not exist.");
    }

    public async Task<ConditionalValue<T>> TryGetStateAsync<T>(string stateName, CancellationToken cancellationToken = default)
    {
        if (!_states.TryGetValue(stateName, out var state))
        {
            var bytes = await http.Send(HttpMethod.Get, type, id, $"state/{stateName}", null, cancellationToken).ConfigureAwait(false);
            state = _states[stateName] = bytes.Length == 0 ? (false, null, false) : (true, JsonSerializer.Deserialize<T>(bytes, json), false);
        }

        return state.Exists ? new(true, (T)state.Value!) : default;
    }

    public Task SetStateAsync<T>(string stateName, T value, CancellationToken cancellationToken = default)
    {
        _states[stateName] = (true, value, true);
        return Task.CompletedTask;
    }

    public async Task<bool> TryRemoveStateAsync(string stateName, CancellationToken cancellationToken = default)
    {
        var exists = await ContainsStateAsync(stateName, cancellationToken).ConfigureAwait(false);
        if (exists)
        {
            _states[stateName] = (false, null, true);
        }

        return exists;
    }

    public async Task<bool> ContainsStateAsync(string stateName, CancellationToken cancellationToken = default) => _states.TryGetValue(stateName, out var state)
        ? state.Exists
        : (await http.Send(HttpMethod.Get, type, id, $"state/{stateName}", null, cancellationToken).ConfigureAwait(false)).Length > 0;

    public Task ClearCacheAsync(CancellationToken cancellationToken = default)
    {
        _states.Clear();
        return Task.CompletedTask;
    }

    public async Task SaveStateAsync(CancellationToken cancellationToken = default)
    {
        var changed = _states.Where(state => state.Value.Changed).ToList();
        if (changed.Count == 0)
        {
            return;
        }

        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartArray();
            foreach (var (name, state) in changed)
            {
                writer.WriteStartObject();
                writer.WriteString("operation", state.Exists ? "upsert" : "delete");
                writer.WriteStartObject("request");
                writer.WriteString("key", name);
                if (state.Exists)
                {
                    writer.WritePropertyName("value");
                    JsonSerializer.Serialize(writer, state.Value, state.Value?.GetType() ?? typeof(object), json);
                }

                writer.WriteEndObject();
                writer.WriteEndObject();
            }

            writer.WriteEndArray();
        }

        await http.Send(HttpMethod.Put, type, id, "state", buffer.WrittenSpan.ToArray(), cancellationToken).ConfigureAwait(false);
        foreach (var (name, state) in changed)
        {
            _states[name] = state with { Changed = false };
        }
    }
}
