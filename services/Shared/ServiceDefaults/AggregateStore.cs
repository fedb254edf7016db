using System.Text.Json;
using Dapr.Client;
using Microsoft.Extensions.Logging;

namespace Lavka.ServiceDefaults;

/// <summary>
/// Changes aggregates and tells of it, so that nothing is lost and nothing happens twice. It is the only place in the services that knows ETags and outboxes.
/// <para>The batch is the unit of work: changes that wait are read, decided one after the other, and saved together, in one transaction, with the events that tell of them. An event stays in
/// the outbox until it is told, so no crash loses it; and it is told at once. A use case sees nothing of it: one change, one decision.</para>
/// <para>What cannot be saved together falls apart, down to single changes: one that is contended or cannot be saved never holds up its neighbours.</para>
/// </summary>
public sealed partial class AggregateStore
{
    // A transaction of so many documents is small for every store.
    private const int MostTogether = 100;

    private readonly DaprClient _dapr;
    private readonly StateReader _reader;
    private readonly Outbox _outbox;
    private readonly FollowUpCalendar _calendar;
    private readonly ILogger _log;
    private readonly Batches<PendingChange> _waiting;

    public AggregateStore(DaprClient dapr, StateReader reader, Outbox outbox, FollowUpCalendar calendar, ILogger<AggregateStore> log)
    {
        (_dapr, _reader, _outbox, _calendar, _log) = (dapr, reader, outbox, calendar, log);
        _waiting = new(MostTogether, Save);
        _outbox.KeepDeadLetter = (@event, reason) => DeadLetter.Keep(
            this, new(@event.Id, @event.Type, DeadLetter.Outbox, reason, JsonSerializer.SerializeToNode(@event.Data)), TimeProvider.System, message: null, default, @event.PartitionKey);
    }

    /// <summary>Reads an aggregate; null where there is none.</summary>
    public async Task<T?> Find<T>(string key, CancellationToken stop)
        where T : class => (await FindPart<StoredAggregate<T>>(key, stop))?.State;

    /// <summary>Reads aggregates; those that are not there are left out.</summary>
    public async Task<IReadOnlyList<T>> FindAll<T>(IReadOnlyList<string> keys, CancellationToken stop)
        where T : class
    {
        var found = await FindStored<T>(keys, stop);
        return [.. keys.Select(key => found[key]?.State).OfType<T>()];
    }

    internal async Task<Dictionary<string, StoredAggregate<T>?>> FindStored<T>(IReadOnlyList<string> keys, CancellationToken stop)
        where T : class =>
        keys.Count == 0 ? [] : (await _reader.Read(keys, stop)).ToDictionary(one => one.Key, one => Documents.Read<StoredAggregate<T>>(one.Value, _dapr.JsonSerializerOptions));

    /// <summary>Reads a document that is saved as a part of aggregates.</summary>
    public async Task<TPart?> FindPart<TPart>(string key, CancellationToken stop)
        where TPart : class => Documents.Read<TPart>((await _reader.Read([key], stop))[key], _dapr.JsonSerializerOptions);

    /// <summary>Deletes aggregates and parts, all or none, whatever they are by now: what nobody changes any more.</summary>
    public Task Delete(IReadOnlyList<string> keys, CancellationToken stop) => keys.Count == 0
        ? Task.CompletedTask
        : _dapr.ExecuteStateTransactionAsync(Outbox.Store, [.. keys.Select(key => new StateTransactionRequest(key, null, StateOperationType.Delete))], cancellationToken: stop);

    /// <summary>Changes an aggregate because of an event. When somebody else saves first, it is decided anew.</summary>
    /// <returns>The aggregate after the change.</returns>
    public Task<T?> Change<T>(string key, Func<T?, Change<T>> decide, CancellationToken stop)
        where T : class => Run<T, object>(key, [], (state, _) => decide(state), fromClient: false, stop);

    /// <summary>Changes an aggregate, and documents with it, because of an event.</summary>
    /// <inheritdoc cref="Change{T}(string, Func{T, Change{T}}, CancellationToken)"/>
    public Task<T?> Change<T, TPart>(string key, IReadOnlyCollection<string> parts, Func<T?, Parts<TPart>, Change<T>> decide, CancellationToken stop)
        where T : class
        where TPart : class => Run(key, parts, decide, fromClient: false, stop);

    /// <summary>Changes an aggregate because a client, or the clock, asked for it. It succeeds while the broker is away.</summary>
    /// <returns>The aggregate after the change.</returns>
    public Task<T?> Accept<T>(string key, Func<T?, Change<T>> decide, CancellationToken stop)
        where T : class => Run<T, object>(key, [], (state, _) => decide(state), fromClient: true, stop);

    /// <summary>Changes an aggregate, and documents with it, because a client asked for it.</summary>
    /// <inheritdoc cref="Accept{T}(string, Func{T, Change{T}}, CancellationToken)"/>
    public Task<T?> Accept<T, TPart>(string key, IReadOnlyCollection<string> parts, Func<T?, Parts<TPart>, Change<T>> decide, CancellationToken stop)
        where T : class
        where TPart : class => Run(key, parts, decide, fromClient: true, stop);

    private async Task<T?> Run<T, TPart>(string key, IReadOnlyCollection<string> partKeys, Func<T?, Parts<TPart>, Change<T>> decide, bool fromClient, CancellationToken stop)
        where T : class
        where TPart : class
    {
        var change = new PendingChange<T, TPart>(key, partKeys, decide, stop);
        _waiting.Add(change);
        var (state, answer, told) = await change.Made.WaitAsync(stop);
        if (answer is null)
        {
            await told;
        }
        else if (fromClient)
        {
            await _outbox.TryTell(answer, stop);
        }
        else
        {
            // Who asks again is answered, or asks again.
            await _outbox.Publish(answer, stop);
        }

        return state;
    }

    /// <summary>Sees each change to its end, or back into the queue.</summary>
    private async Task Save(IReadOnlyList<PendingChange> batch)
    {
        try
        {
            if (await TrySave(batch))
            {
                return;
            }
        }
        catch (Exception e)
        {
            if (batch.Count == 1)
            {
                batch[0].Fail(e);
                return;
            }

            // The store is away, or cannot do with one of them: at once, since each may have to wait for its failure.
            await Task.WhenAll(batch.Select(one => Save([one])));
            return;
        }

        if (batch.Count == 1)
        {
            batch[0].Conflicts++;
            LogConflict(batch[0].Key, batch[0].Conflicts);
            _ = Again(batch[0]);
            return;
        }

        var half = batch.Count / 2;
        await Save([.. batch.Take(half)]);
        await Save([.. batch.Skip(half)]);
    }

    private async Task Again(PendingChange change)
    {
        await Task.Delay(Random.Shared.Next(1, 5 * Math.Min(change.Conflicts, 10)));
        if (change.IsAbandoned)
        {
            change.Fail(new OperationCanceledException());
        }
        else
        {
            _waiting.Add(change);
        }
    }

    /// <summary>Reads, decides, saves and tells.</summary>
    /// <returns>False: somebody else has saved something first; or several cannot be saved together.</returns>
    private async Task<bool> TrySave(IReadOnlyList<PendingChange> batch)
    {
        using var slot = await _outbox.Hold();
        var documents = await Read(batch, slot.Key);
        var (events, waiting) = (new Dictionary<PendingChange, StoredEvent>(), new List<Waiting>());
        foreach (var change in batch)
        {
            await Decide(change, documents);
            if (change.IsChanged)
            {
                var (tells, waits) = change.Make(documents);
                if (tells is not null)
                {
                    events[change] = tells;
                }

                if (waits is not null)
                {
                    waiting.Add(waits);
                }
            }
        }

        if (batch.Any(change => change.IsChanged))
        {
            slot.Add(documents, [.. events.Values]);
            if (!await _calendar.Enter(waiting, entries => documents.TrySave(_dapr, entries, isAlone: batch.Count == 1)))
            {
                return false;
            }

            slot.Saved();
        }

        foreach (var change in batch)
        {
            if (change.Refusal is { } refusal)
            {
                change.Fail(refusal);
            }
            else
            {
                change.Complete(events.TryGetValue(change, out var @event) ? slot.Tell(@event) : Task.CompletedTask);
            }
        }

        return true;
    }

    /// <summary>Reads all that the changes want, and the outbox. After a conflict each document is asked for alone: what the bulk answer left out would not be there again.</summary>
    private async Task<Documents> Read(IReadOnlyList<PendingChange> batch, string outboxKey)
    {
        var documents = new Documents(_dapr.JsonSerializerOptions);
        string[] keys = [.. batch.SelectMany(change => change.Keys).Append(outboxKey).Distinct()];
        if (batch.Any(change => change.Conflicts > 0))
        {
            documents.Add(await Task.WhenAll(keys.Select(async key => KeyValuePair.Create(key, await _reader.ReadAlone(key)))), mayBeThere: false);
        }
        else
        {
            documents.Add(await _reader.ReadOnce(keys), mayBeThere: true);
        }

        return documents;
    }

    /// <summary>
    /// Decides on what was read. Nothing is refused, left undone, or decided by a key that is missing in a bulk answer, before that key was asked for again. Keys that are written are guarded by
    /// their ETag.
    /// </summary>
    private async Task Decide(PendingChange change, Documents documents)
    {
        while (true)
        {
            change.Decide(documents);
            var missing = change.Keys.Where(documents.MayBeThere).ToList();
            if (missing.Count == 0 || (change.IsChanged && missing.TrueForAll(change.Writes)))
            {
                return;
            }

            documents.Add(await _reader.ReadOnce(missing), mayBeThere: false);
        }
    }

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Key} was saved by somebody else first; it is decided anew (attempt {Attempt})")]
    private partial void LogConflict(string key, int attempt);
}
