using System.Text.Json;
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
public sealed partial class AggregateStore(DaprClient dapr, Outbox outbox, FollowUpCalendar calendar, IHttpContextAccessor http, ILogger<AggregateStore> log)
{
    private const int Stripes = 64;

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
        var found = await FindStored<T>(keys, stop);
        return [.. keys.Select(key => found[key]?.State).OfType<T>()];
    }

    internal async Task<Dictionary<string, StoredAggregate<T>?>> FindStored<T>(IReadOnlyList<string> keys, CancellationToken stop)
        where T : class
    {
        if (keys.Count == 0)
        {
            return [];
        }

        var found = (await dapr.GetBulkStateAsync<StoredAggregate<T>?>(Outbox.Store, keys, parallelism: 8, cancellationToken: stop)).ToDictionary(item => item.Key, item => item.Value);

        // A bulk answer may leave out what is there.
        foreach (var key in keys.Where(key => found.GetValueOrDefault(key) is null))
        {
            found[key] = await dapr.GetStateAsync<StoredAggregate<T>?>(Outbox.Store, key, cancellationToken: stop);
        }

        return found;
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
            if (attempt > 1)
            {
                await AskForMissing(read, stop);
            }

            var (change, parts) = await Decide(read, decide, stop);
            var aggregate = read.Aggregate;
            if (!change.IsChanged)
            {
                // The event that made the last change has come again: perhaps the crash was just before it was told. Or whoever asks has not heard the answer.
                return (aggregate?.State, cause is not null && aggregate?.Cause == cause && aggregate.Tells is not null ? aggregate.Tells
                    : change.Tells is { } answer ? StoredEvent.Again(key, aggregate?.Version ?? 0, answer) : null);
            }

            var version = (aggregate?.Version ?? 0) + 1;
            var tells = change.Tells is null ? null : StoredEvent.From(key, version, change.Tells);
            var next = new StoredAggregate<T>(change.State!, version, cause, tells);
            Func<IReadOnlyList<Guarded>, Task<bool>> save = extras => SaveAll(key, next, read.ETags, parts, extras, stop);
            if (fromClient && tells is not null)
            {
                var inner = save;
                save = extras => outbox.Save(key, tells, entry => inner([.. extras, entry]), stop);
            }

            if (change.State is IAwaiting { IsWaiting: true } awaiting && aggregate?.State is not IAwaiting { IsWaiting: true })
            {
                var inner = save;
                save = extras => calendar.Enter(key, version, awaiting, entry => inner([.. extras, entry]), stop);
            }

            if (await save([]))
            {
                return (change.State, tells);
            }

            LogConflict(key, attempt);
            await Task.Delay(Random.Shared.Next(1, 5 * Math.Min(attempt, 10)), stop);
        }
    }

    private async Task<ReadTogether<T, TPart>> Read<T, TPart>(string key, IReadOnlyCollection<string> partKeys, CancellationToken stop)
        where T : class
        where TPart : class
    {
        if (partKeys.Count == 0)
        {
            var (value, etag) = await dapr.GetStateAndETagAsync<StoredAggregate<T>?>(Outbox.Store, key, cancellationToken: stop);
            return new(key) { Aggregate = value, ETags = { [key] = etag } };
        }

        // One request reads them all; what is what, the keys tell.
        var items = await dapr.GetBulkStateAsync<JsonElement>(Outbox.Store, [key, .. partKeys], parallelism: 8, cancellationToken: stop);
        var read = new ReadTogether<T, TPart>(key);
        foreach (var missing in partKeys.Append(key))
        {
            read.Missing.Add(missing);
            read.Add(missing, default, "", dapr.JsonSerializerOptions);
        }

        foreach (var item in items)
        {
            read.Add(item.Key, item.Value, item.ETag, dapr.JsonSerializerOptions);
        }

        return read;
    }

    /// <summary>
    /// Decides on what was read. A store may leave keys out of a bulk answer because its connection broke, or could not read one of them; so nothing is refused, left undone, or decided by a
    /// key that is missing, before that key was asked for alone. Keys that are written are guarded by their ETag.
    /// </summary>
    private async Task<(Change<T> Change, Parts<TPart> Parts)> Decide<T, TPart>(ReadTogether<T, TPart> read, Func<T?, Parts<TPart>, Task<Change<T>>> decide, CancellationToken stop)
        where T : class
        where TPart : class
    {
        while (true)
        {
            var parts = new Parts<TPart>(read.Parts);
            Change<T> change;
            try
            {
                change = await decide(read.Aggregate?.State, parts);
                if (change.IsChanged && read.Missing.All(key => key == read.Key || parts.Changed.ContainsKey(key)))
                {
                    return (change, parts);
                }
            }
            catch (Exception) when (read.Missing.Count > 0)
            {
                if (!await AskForMissing(read, stop))
                {
                    throw;
                }

                continue;
            }

            if (!await AskForMissing(read, stop))
            {
                return (change, parts);
            }
        }
    }

    /// <summary>Asks for each key alone that was not in a bulk answer.</summary>
    /// <returns>Whether there is one after all.</returns>
    private async Task<bool> AskForMissing<T, TPart>(ReadTogether<T, TPart> read, CancellationToken stop)
        where T : class
        where TPart : class
    {
        var isThere = false;
        foreach (var key in read.Missing.ToList())
        {
            var (value, etag) = await dapr.GetStateAndETagAsync<JsonElement>(Outbox.Store, key, cancellationToken: stop);
            isThere |= read.Add(key, value, etag, dapr.JsonSerializerOptions);
        }

        read.Missing.Clear();
        return isThere;
    }

    private string? Header(string name) => http.HttpContext?.Request.Headers[name].FirstOrDefault();

    /// <summary>Saves everything or nothing; false: somebody else has saved one of them first.</summary>
    private Task<bool> SaveAll<T, TPart>(
        string key, StoredAggregate<T> aggregate, Dictionary<string, string> etags, Parts<TPart> parts, IReadOnlyList<Guarded> extras, CancellationToken stop)
        where TPart : class
    {
        if (parts.Changed.Count == 0 && extras.Count == 0)
        {
            return dapr.TrySave(Outbox.Store, key, aggregate, etags[key], stop);
        }

        // A key that was not read, such as an index's full page, is protected by the others of its transaction.
        var json = dapr.JsonSerializerOptions;
        var unread = parts.Changed.Where(part => !etags.ContainsKey(part.Key))
            .Select(part => new StateTransactionRequest(part.Key, JsonSerializer.SerializeToUtf8Bytes(part.Value, json), StateOperationType.Upsert));
        return dapr.TryExecute(
            Outbox.Store,
            [Guarded.Upsert(key, aggregate, etags[key], json), .. parts.Changed.Where(part => etags.ContainsKey(part.Key)).Select(part => Guarded.Upsert(part.Key, part.Value, etags[part.Key], json)), .. extras],
            [.. unread], stop);
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Key} was saved by somebody else first; starting over (attempt {Attempt})")]
    private partial void LogConflict(string key, int attempt);

    /// <summary>An aggregate and the documents that are read with it.</summary>
    private sealed class ReadTogether<T, TPart>(string key)
        where T : class
        where TPart : class
    {
        public string Key => key;

        public StoredAggregate<T>? Aggregate { get; set; }

        public Dictionary<string, TPart?> Parts { get; } = [];

        public Dictionary<string, string> ETags { get; } = [];

        /// <summary>Keys without a value in a bulk answer that have not been asked for alone.</summary>
        public HashSet<string> Missing { get; } = [];

        /// <summary>Whether there is a value.</summary>
        public bool Add(string item, JsonElement value, string etag, JsonSerializerOptions json)
        {
            var isThere = value.ValueKind is not (JsonValueKind.Undefined or JsonValueKind.Null);
            ETags[item] = etag;
            if (item == key)
            {
                Aggregate = isThere ? value.Deserialize<StoredAggregate<T>>(json) : null;
            }
            else
            {
                Parts[item] = isThere ? value.Deserialize<TPart>(json) : null;
            }

            if (isThere)
            {
                Missing.Remove(item);
            }

            return isThere;
        }
    }
}
