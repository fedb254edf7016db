using System.Globalization;
using System.Text.Json;
using Dapr;
using Dapr.Client;

namespace Lavka.ServiceDefaults;

/// <summary>A part of a transaction, and the ETag that its key must still have.</summary>
internal sealed record Guarded(StateTransactionRequest Request, string ETag)
{
    /// <param name="etag">Of the value that was read; empty: there was none.</param>
    public static Guarded Upsert<T>(string key, T value, string etag, JsonSerializerOptions json) => Upsert(key, JsonSerializer.SerializeToUtf8Bytes(value, json), etag);

    /// <inheritdoc cref="Upsert{T}"/>
    public static Guarded Upsert(string key, byte[] value, string etag, TimeSpan? keptFor = null) =>
        new(new(key, value, StateOperationType.Upsert, etag.Length > 0 ? etag : null, Ttl(keptFor), ConditionalWrites.FirstWrite), etag);

    /// <summary>What tells a store how long to keep a value; null: for ever.</summary>
    public static Dictionary<string, string>? Ttl(TimeSpan? keptFor) =>
        keptFor is { TotalSeconds: var seconds } ? new() { ["ttlInSeconds"] = seconds.ToString("0", CultureInfo.InvariantCulture) } : null;

    /// <param name="etag">Of the value that was read.</param>
    public static Guarded Delete(string key, string etag) => new(new(key, null, StateOperationType.Delete, etag, options: ConditionalWrites.FirstWrite), etag);
}

/// <summary>
/// Writes that succeed only over what was read. A store says in its own way that somebody else was first, and a failure may come after the write was done: what decides is what is
/// stored, read again.
/// </summary>
public static class ConditionalWrites
{
    internal static StateOptions FirstWrite { get; } = new() { Concurrency = ConcurrencyMode.FirstWrite };

    /// <summary>Saves a value over the one that was read.</summary>
    /// <param name="etag">Of the value that was read; empty: there was none.</param>
    /// <returns>Whether it is saved. False: there is another value now than was read.</returns>
    /// <exception cref="DaprException">It could not be saved, and nobody else was first.</exception>
    public static async Task<bool> TrySave<T>(this DaprClient dapr, string store, string key, T value, string etag, CancellationToken cancellationToken)
    {
        try
        {
            return await dapr.TrySaveStateAsync(store, key, value, etag, FirstWrite, cancellationToken: cancellationToken);
        }
        catch (DaprException)
        {
            if ((await dapr.GetStateAndETagAsync<JsonElement>(store, key, cancellationToken: cancellationToken)).etag == etag)
            {
                throw;
            }

            return false;
        }
    }

    /// <summary>Writes all or nothing.</summary>
    /// <param name="guarded">What must still be as it was read.</param>
    /// <param name="others">What is written with it, whatever is there.</param>
    /// <returns>Whether it is written. False: something is stored now that was not read.</returns>
    /// <exception cref="DaprException">It could not be written, and nobody else was first.</exception>
    internal static async Task<bool> TryExecute(this DaprClient dapr, string store, IReadOnlyCollection<Guarded> guarded, IReadOnlyCollection<StateTransactionRequest> others, CancellationToken cancellationToken)
    {
        try
        {
            await dapr.ExecuteStateTransactionAsync(store, [.. guarded.Select(one => one.Request), .. others], cancellationToken: cancellationToken);
            return true;
        }
        catch (DaprException)
        {
            foreach (var one in guarded)
            {
                if ((await dapr.GetStateAndETagAsync<JsonElement>(store, one.Request.Key, cancellationToken: cancellationToken)).etag != one.ETag)
                {
                    return false;
                }
            }

            throw;
        }
    }
}
