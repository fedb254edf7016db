using System.Text.Json;
using Dapr;
using Dapr.Client;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Lavka.ServiceDefaults;

/// <summary>
/// Changes aggregates and tells of it, so that nothing is lost and nothing happens twice. It is the only place in the services that knows ETags and outboxes.
/// <para><see cref="Change{T}(string, Func{T, Task{Change{T}}}, CancellationToken)"/> is for what an event starts: save, tell, acknowledge. A crash in between is
/// followed by a redelivery, which finds the change made and tells again. The delivery is the outbox.</para>
/// <para><see cref="Accept{T}(string, Func{T, Change{T}}, CancellationToken)"/> is for what a client starts: nobody delivers that again, so the event is saved
/// with the aggregate, in one transaction, and stays in an outbox key until it is told.</para>
/// </summary>
public sealed partial class AggregateStore(DaprClient dapr, Outbox outbox, IHttpContextAccessor http, ILogger<AggregateStore> log)
{
    private const int Stripes = 64;

    private static readonly StateOptions FirstWrite = new() { Concurrency = ConcurrencyMode.FirstWrite };

    // Buyers of one hot product queue here and not at its ETag: the ETag is for writers in other processes.
    private readonly SemaphoreSlim[] _locks = [.. Enumerable.Range(0, Stripes).Select(_ => new SemaphoreSlim(1))];

    /// <summary>The event that is being handled; null: a client or the clock asks.</summary>
    public Cause? Cause => Header("Cloudevent.id") is { } id ? new(id, Header("Cloudevent.type") ?? "") : null;

    /// <summary>Reads an aggregate; null where there is none.</summary>
    public async Task<T?> Find<T>(string key, CancellationToken stop)
        where T : class => (await dapr.GetStateAsync<StoredAggregate<T>?>(Outbox.Store, key, cancellationToken: stop))?.State;

    /// <summary>Reads aggregates; those that are not there are left out.</summary>
    public async Task<IReadOnlyList<T>> FindAll<T>(IReadOnlyList<string> keys, CancellationToken stop)
        where T : class
    {
        if (keys.Count == 0)
        {
            return [];
        }

        var found = (await dapr.GetBulkStateAsync<StoredAggregate<T>?>(Outbox.Store, keys, parallelism: 8, cancellationToken: stop)).ToDictionary(item => item.Key, item => item.Value);
        return [.. keys.Select(key => found.GetValueOrDefault(key)?.State).OfType<T>()];
    }

    /// <summary>Reads a document that is saved as a part of aggregates.</summary>
    public async Task<TPart?> FindPart<TPart>(string key, CancellationToken stop)
        where TPart : class => await dapr.GetStateAsync<TPart?>(Outbox.Store, key, cancellationToken: stop);

    /// <summary>Changes an aggregate because of an event. When somebody else saves first, it starts over.</summary>
    /// <returns>The aggregate after the change.</returns>
    public Task<T?> Change<T>(string key, Func<T?, Task<Change<T>>> decide, CancellationToken stop)
        where T : class => Run<T, object>(key, [], (state, _) => decide(state), fromClient: false, stop);

    /// <inheritdoc cref="Change{T}(string, Func{T, Task{Change{T}}}, CancellationToken)"/>
    public Task<T?> Change<T>(string key, Func<T?, Change<T>> decide, CancellationToken stop)
        where T : class => Change<T>(key, state => Task.FromResult(decide(state)), stop);

    /// <summary>Changes an aggregate, and documents with it, because of an event.</summary>
    /// <inheritdoc cref="Change{T}(string, Func{T, Task{Change{T}}}, CancellationToken)"/>
    public Task<T?> Change<T, TPart>(string key, IReadOnlyCollection<string> parts, Func<T?, Parts<TPart>, Change<T>> decide, CancellationToken stop)
        where T : class
        where TPart : class => Run<T, TPart>(key, parts, (state, read) => Task.FromResult(decide(state, read)), fromClient: false, stop);

    /// <summary>Changes an aggregate because a client, or the clock, asked for it. It succeeds while the broker is away.</summary>
    /// <returns>The aggregate after the change.</returns>
    public Task<T?> Accept<T>(string key, Func<T?, Change<T>> decide, CancellationToken stop)
        where T : class => Run<T, object>(key, [], (state, _) => Task.FromResult(decide(state)), fromClient: true, stop);

    /// <summary>Changes an aggregate, and documents with it, because a client asked for it.</summary>
    /// <inheritdoc cref="Accept{T}(string, Func{T, Change{T}}, CancellationToken)"/>
    public Task<T?> Accept<T, TPart>(string key, IReadOnlyCollection<string> parts, Func<T?, Parts<TPart>, Change<T>> decide, CancellationToken stop)
        where T : class
        where TPart : class => Run<T, TPart>(key, parts, (state, read) => Task.FromResult(decide(state, read)), fromClient: true, stop);

    private async Task<T?> Run<T, TPart>(string key, IReadOnlyCollection<string> partKeys, Func<T?, Parts<TPart>, Task<Change<T>>> decide, bool fromClient, CancellationToken stop)
        where T : class
        where TPart : class
    {
        var held = new List<SemaphoreSlim>();
        (T? State, StoredEvent? Tells) done;
        try
        {
            foreach (var stripe in partKeys.Select(part => (int)((uint)part.GetHashCode(StringComparison.Ordinal) % Stripes)).Distinct().Order())
            {
                await _locks[stripe].WaitAsync(stop);
                held.Add(_locks[stripe]);
            }

            done = await Save(key, partKeys, decide, fromClient, stop);
        }
        finally
        {
            held.ForEach(one => one.Release());
        }

        // Nobody waits for a slow broker but who tells.
        if (done.Tells is not null)
        {
            await (fromClient ? outbox.Tell(key, done.Tells, stop) : outbox.Publish(done.Tells, stop));
        }

        return done.State;
    }

    /// <summary>The aggregate after the change, and what is to be told now.</summary>
    private async Task<(T? State, StoredEvent? Tells)> Save<T, TPart>(
        string key, IReadOnlyCollection<string> partKeys, Func<T?, Parts<TPart>, Task<Change<T>>> decide, bool fromClient, CancellationToken stop)
        where T : class
        where TPart : class
    {
        var cause = fromClient ? null : Cause?.Id;
        for (var attempt = 1; ; attempt++)
        {
            var read = await Read<T, TPart>(key, partKeys, stop);
            var parts = new Parts<TPart>(read.Parts);
            var change = await decide(read.Aggregate?.State, parts);
            if (!change.IsChanged)
            {
                // The event that made the last change has come again: perhaps the crash was just before it was told.
                return (read.Aggregate?.State, cause is not null && read.Aggregate?.Cause == cause ? read.Aggregate.Tells : null);
            }

            var version = (read.Aggregate?.Version ?? 0) + 1;
            var tells = change.Tells is null ? null : StoredEvent.From(key, version, change.Tells);
            var next = new StoredAggregate<T>(change.State!, version, cause, tells);
            var saved = fromClient && tells is not null
                ? await outbox.Save(key, tells, inOutbox => SaveAll(key, next, read.ETags, parts, inOutbox, stop), stop)
                : await SaveAll(key, next, read.ETags, parts, null, stop);
            if (saved)
            {
                return (change.State, tells);
            }

            LogConflict(key, attempt);
            await Task.Delay(Random.Shared.Next(1, 5 * Math.Min(attempt, 10)), stop);
        }
    }

    private async Task<(StoredAggregate<T>? Aggregate, Dictionary<string, TPart?> Parts, Dictionary<string, string> ETags)> Read<T, TPart>(
        string key, IReadOnlyCollection<string> partKeys, CancellationToken stop)
    {
        if (partKeys.Count == 0)
        {
            var (value, etag) = await dapr.GetStateAndETagAsync<StoredAggregate<T>?>(Outbox.Store, key, cancellationToken: stop);
            return (value, [], new() { [key] = etag });
        }

        // One request reads them all; what is what, the keys tell.
        var items = await dapr.GetBulkStateAsync<JsonElement>(Outbox.Store, [key, .. partKeys], parallelism: 8, cancellationToken: stop);
        StoredAggregate<T>? aggregate = null;
        var parts = new Dictionary<string, TPart?>();
        foreach (var item in items)
        {
            if (item.Key == key)
            {
                aggregate = Deserialize<StoredAggregate<T>>(item.Value);
            }
            else
            {
                parts[item.Key] = Deserialize<TPart>(item.Value);
            }
        }

        return (aggregate, parts, items.ToDictionary(item => item.Key, item => item.ETag));
    }

    private string? Header(string name) => http.HttpContext?.Request.Headers[name].FirstOrDefault();

    private TValue? Deserialize<TValue>(JsonElement json) =>
        json.ValueKind is JsonValueKind.Undefined or JsonValueKind.Null ? default : json.Deserialize<TValue>(dapr.JsonSerializerOptions);

    /// <summary>Saves everything or nothing; false: somebody else has saved one of them first.</summary>
    private async Task<bool> SaveAll<T, TPart>(
        string key, StoredAggregate<T> aggregate, Dictionary<string, string> etags, Parts<TPart> parts, (StateTransactionRequest Request, string ETag)? inOutbox, CancellationToken stop)
        where TPart : class
    {
        if (parts.Changed.Count == 0 && inOutbox is null)
        {
            return await dapr.TrySaveStateAsync(Outbox.Store, key, aggregate, etags[key], FirstWrite, cancellationToken: stop);
        }

        var operations = new List<StateTransactionRequest> { Upsert(key, aggregate, etags) };
        operations.AddRange(parts.Changed.Select(part => Upsert(part.Key, part.Value, etags)));
        var expected = operations.Where(operation => etags.ContainsKey(operation.Key)).ToDictionary(operation => operation.Key, operation => etags[operation.Key]);
        if (inOutbox is { } extra)
        {
            operations.Add(extra.Request);
            expected[extra.Request.Key] = extra.ETag;
        }

        try
        {
            await dapr.ExecuteStateTransactionAsync(Outbox.Store, operations, cancellationToken: stop);
            return true;
        }
        catch (DaprException)
        {
            // Dapr does not say whether an ETag was the cause. If one has moved, it was, and we start over; otherwise the failure is the caller's to know.
            var now = await dapr.GetBulkStateAsync<JsonElement>(Outbox.Store, [.. expected.Keys], parallelism: 8, cancellationToken: stop);
            if (now.All(item => item.ETag == expected[item.Key]))
            {
                throw;
            }

            return false;
        }
    }

    /// <summary>Saves a value over the one that was read, or as the first. A key that was not read is protected by the others of its transaction.</summary>
    private StateTransactionRequest Upsert<TValue>(string key, TValue value, Dictionary<string, string> etags) => new(
        key, JsonSerializer.SerializeToUtf8Bytes(value, dapr.JsonSerializerOptions), StateOperationType.Upsert,
        etags.TryGetValue(key, out var etag) && etag.Length > 0 ? etag : null, options: etag is null ? null : FirstWrite);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Key} was saved by somebody else first; starting over (attempt {Attempt})")]
    private partial void LogConflict(string key, int attempt);
}
