using System.Globalization;
using Dapr.Client;

namespace Lavka.ServiceDefaults;

/// <summary>An aggregate in the calendar.</summary>
/// <param name="Key">The aggregate's key.</param>
/// <param name="Due">When it is to be looked at.</param>
/// <param name="Version">Its version at the last look: if it has another one now, it has moved.</param>
/// <param name="Pause">How long this look was waited for, in seconds.</param>
/// <param name="Times">How often it was followed up without having moved.</param>
/// <param name="Since">Since when it has not moved.</param>
public sealed record FollowUpEntry(string Key, DateTimeOffset Due, long Version, double Pause, int Times, DateTimeOffset Since);

/// <summary>Those that are to be followed up in a few seconds of time.</summary>
internal sealed record StoredSlot(IReadOnlyList<FollowUpEntry> Entries);

/// <summary>A part of the calendar's slot, with what is in it.</summary>
internal sealed record CalendarSlot(long Slot, int Part, string ETag, IReadOnlyList<FollowUpEntry> Entries);

/// <summary>
/// When the aggregates of a service that wait are to be followed up: a document for every five seconds that have any, in parts, so that writers seldom meet. An entry is saved in the
/// transaction that makes its aggregate wait, so no crash can lose it.
/// </summary>
public sealed class FollowUpCalendar(DaprClient dapr, StateReader reader, TimeProvider time)
{
    internal const int SlotSeconds = 5;
    private const int Parts = 8;

    // One writer a part: within a process they queue here and not at the store's ETags.
    private readonly SemaphoreSlim[] _locks = [.. Enumerable.Range(0, Parts).Select(_ => new SemaphoreSlim(1))];
    private int _next;

    /// <summary>The slot that a moment is in.</summary>
    internal static long SlotOf(DateTimeOffset at) => at.ToUnixTimeSeconds() / SlotSeconds;

    /// <summary>An entry for after a pause, or earlier if there is a deadline.</summary>
    internal FollowUpEntry Next(FollowUpEntry entry, IAwaiting aggregate)
    {
        var (now, due) = (time.GetUtcNow(), time.GetUtcNow() + TimeSpan.FromSeconds(entry.Pause));
        return entry with { Due = aggregate.Deadline is { } deadline && deadline < due ? deadline < now ? now : deadline : due };
    }

    /// <summary>Enters aggregates that begin to wait.</summary>
    /// <param name="save">Saves their entries with them; it answers whether it could.</param>
    internal async Task<bool> Enter(IReadOnlyList<Waiting> waiting, Func<IReadOnlyList<Guarded>, Task<bool>> save)
    {
        if (waiting.Count == 0)
        {
            return await save([]);
        }

        var part = (int)((uint)Interlocked.Increment(ref _next) % Parts);
        await _locks[part].WaitAsync();
        try
        {
            var now = time.GetUtcNow();
            var slots = waiting.Select(one => Next(new(one.Key, default, one.Version, one.Aggregate.Patience.TotalSeconds, 0, now), one.Aggregate)).GroupBy(entry => SlotOf(entry.Due));
            return await save(await Task.WhenAll(slots.Select(slot => Add(slot.Key, part, [.. slot], default))));
        }
        finally
        {
            _locks[part].Release();
        }
    }

    /// <summary>What there is in these slots.</summary>
    internal async Task<IReadOnlyList<CalendarSlot>> Read(IEnumerable<long> slots)
    {
        var places = slots.SelectMany(slot => Enumerable.Range(0, Parts).Select(part => (Slot: slot, Part: part))).ToDictionary(place => KeyOf(place.Slot, place.Part));
        var found = (await reader.ReadOnce(places.Keys)).Where(one => !one.Value.Json.IsEmpty);
        return [.. found.Select(one => new CalendarSlot(
            places[one.Key].Slot, places[one.Key].Part, one.Value.ETag, Documents.Read<StoredSlot>(one.Value, dapr.JsonSerializerOptions)!.Entries))];
    }

    /// <summary>Takes out of a slot what has been looked at.</summary>
    /// <param name="left">What stays in it.</param>
    /// <param name="further">What is to be looked at again, later.</param>
    /// <param name="extra">What is saved in the same transaction.</param>
    /// <returns>False: somebody else has changed one of them meanwhile, another instance that looks, or who writes; it is as it was, and looked at again.</returns>
    internal async Task<bool> TryReplace(
        CalendarSlot slot, IReadOnlyList<FollowUpEntry> left, IEnumerable<FollowUpEntry> further, IReadOnlyList<Guarded> extra, CancellationToken cancellationToken)
    {
        await _locks[slot.Part].WaitAsync(cancellationToken);
        try
        {
            var later = further.ToLookup(entry => SlotOf(entry.Due));
            FollowUpEntry[] here = [.. left, .. later[slot.Slot]];
            var key = KeyOf(slot.Slot, slot.Part);
            List<Guarded> changes =
            [
                here.Length == 0 ? Guarded.Delete(key, slot.ETag) : Guarded.Upsert(key, new StoredSlot(here), slot.ETag, dapr.JsonSerializerOptions), .. extra,
            ];
            foreach (var one in later.Where(one => one.Key != slot.Slot))
            {
                changes.Add(await Add(one.Key, slot.Part, [.. one], cancellationToken));
            }

            return await dapr.TryExecute(Outbox.Store, changes, [], cancellationToken);
        }
        finally
        {
            _locks[slot.Part].Release();
        }
    }

    private static string KeyOf(long slot, int part) => string.Create(CultureInfo.InvariantCulture, $"follow-ups-{slot}-{part}");

    private async Task<Guarded> Add(long slot, int part, IReadOnlyList<FollowUpEntry> entries, CancellationToken cancellationToken)
    {
        var key = KeyOf(slot, part);
        var (stored, etag) = await dapr.GetStateAndETagAsync<StoredSlot?>(Outbox.Store, key, cancellationToken: cancellationToken);
        return Guarded.Upsert(key, new StoredSlot([.. stored?.Entries ?? [], .. entries]), etag, dapr.JsonSerializerOptions);
    }
}
