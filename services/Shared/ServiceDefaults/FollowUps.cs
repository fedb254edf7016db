using System.Diagnostics.Metrics;
using Dapr;
using Dapr.Client;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Lavka.ServiceDefaults;

/// <summary>The aggregates that have stood still although they were followed up, oldest first: an operator is to look.</summary>
public sealed record Standing(IReadOnlyList<FollowUpEntry> Entries)
{
    internal const string Key = "standing";
    internal const int Most = 1000;
}

/// <summary>What is followed up, in figures.</summary>
internal sealed class FollowUpMetrics
{
    /// <summary>The meter's name.</summary>
    public const string MeterName = "Lavka.FollowUps";

    private readonly Counter<long> _repeats;

    public FollowUpMetrics(IMeterFactory meters)
    {
        var meter = meters.Create(MeterName);
        _repeats = meter.CreateCounter<long>("lavka.follow_ups", description: "Aggregates that stood still and told again what they wait for.");
        meter.CreateObservableGauge("lavka.standing", () => Standing, description: "Aggregates that stand still although they were followed up.");
    }

    public int Standing { get; set; }

    public void CountRepeat() => _repeats.Add(1);
}

/// <summary>
/// Comes back to every aggregate that waits (<see cref="IAwaiting"/>), so that no step depends on one event arriving: a broker can lose what it has accepted. What has moved since the last
/// look has time again; what stands still tells again what it waits for, with growing pauses.
/// </summary>
internal sealed partial class FollowUps<T>(
    DaprClient dapr, FollowUpCalendar calendar, AggregateStore store, Outbox outbox, FollowUpMetrics metrics, TimeProvider time, ILogger<FollowUps<T>> log, IFollowUp<T>? followUp = null)
    : BackgroundService
    where T : class, IAwaiting
{
    // What has not moved after so many follow-ups stands still, for everybody to see.
    private const int StandsAfter = 2;
    private const int SlotsAtOnce = 50;

    // A writer that was stopped in the middle of its save may come after the look; after two minutes there is a second one.
    private const int SecondLook = 120 / FollowUpCalendar.SlotSeconds;
    private const int WatermarkEvery = 4;
    private const int AtOnce = 100;
    private const int MostAttempts = 10;
    private const string WatermarkKey = "follow-up-watermark";
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMinutes(10);

    // Everything up to this slot has been looked at.
    private long? _looked;

    /// <summary>Looks at all that has become due.</summary>
    internal async Task Look(CancellationToken cancellationToken)
    {
        var now = FollowUpCalendar.SlotOf(time.GetUtcNow());

        // The last two slots are looked at again and again: somebody may just be writing into them. A clock that was put back begins with where it is.
        var last = now - 2;
        var looked = Math.Min(last, _looked ?? await dapr.GetStateAsync<long?>(Outbox.Store, WatermarkKey, cancellationToken: cancellationToken) ?? now);
        while (true)
        {
            var until = Math.Min(now, looked + SlotsAtOnce);
            var done = Math.Min(until, last);
            foreach (var slot in await calendar.Read(Between(looked, until).Concat(Between(looked, done).Select(slot => slot - SecondLook)).Distinct()))
            {
                await Look(slot, cancellationToken);
            }

            if (done > looked && (until < now || done % WatermarkEvery == 0))
            {
                // For who starts anew: to look again at what has been looked at does no harm.
                await dapr.SaveStateAsync<long?>(Outbox.Store, WatermarkKey, done, cancellationToken: cancellationToken);
            }

            _looked = looked = done;
            if (until == now)
            {
                return;
            }
        }

        static IEnumerable<long> Between(long after, long until) => Enumerable.Range(1, (int)(until - after)).Select(i => after + i);
    }

    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                await Look(stoppingToken);
            }
            catch (Exception e) when (!stoppingToken.IsCancellationRequested)
            {
                // Whatever it is: deadlines that nobody looks at never pass.
                LogNotNow(e.Reason());
            }
        }
    }

    /// <summary>Looks at what is due in a slot; anew, when another instance has looked at it meanwhile, or somebody has written into it.</summary>
    private async Task Look(CalendarSlot slot, CancellationToken cancellationToken)
    {
        for (var (attempt, left) = (1, slot); left is not null && !await TryLook(left, cancellationToken); attempt++)
        {
            if (attempt == MostAttempts)
            {
                throw new DaprException($"The calendar's slot {slot.Slot} is changed by others all the time.");
            }

            await Task.Delay(Random.Shared.Next(1, 20 * attempt), cancellationToken);
            left = (await calendar.Read([slot.Slot])).FirstOrDefault(one => one.Part == slot.Part);
        }
    }

    private async Task<bool> TryLook(CalendarSlot slot, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var due = slot.Entries.Where(entry => entry.Due <= now).ToList();
        if (due.Count == 0)
        {
            return true;
        }

        var further = new List<FollowUpEntry>();
        foreach (var entries in due.Chunk(AtOnce))
        {
            var found = await store.FindStored<T>([.. entries.Select(entry => entry.Key).Distinct()], cancellationToken);
            further.AddRange((await Task.WhenAll(entries.Select(entry => Look(entry, found[entry.Key], cancellationToken)))).OfType<FollowUpEntry>());
        }

        var standing = await UpdateStanding(due, further, cancellationToken);
        return await calendar.TryReplace(slot, [.. slot.Entries.Where(entry => entry.Due > now)], further, standing, cancellationToken);
    }

    /// <summary>The entry for the next look; null: there is to be none.</summary>
    private async Task<FollowUpEntry?> Look(FollowUpEntry entry, StoredAggregate<T>? stored, CancellationToken cancellationToken) =>
        stored is { State.IsWaiting: true } && await FollowUp(entry, stored, cancellationToken) is { } next ? calendar.Next(next, stored.State) : null;

    private async Task<FollowUpEntry?> FollowUp(FollowUpEntry entry, StoredAggregate<T> stored, CancellationToken cancellationToken)
    {
        try
        {
            if (followUp is not null && !await followUp.Handle(stored.State, cancellationToken))
            {
                return null;
            }

            if (stored.Version != entry.Version)
            {
                return entry with { Version = stored.Version, Pause = stored.State.Patience.TotalSeconds, Times = 0, Since = time.GetUtcNow() };
            }

            if (stored.State.Question is { } question)
            {
                await outbox.Publish(StoredEvent.Again(entry.Key, stored.Version, question), cancellationToken);
                LogAgain(entry.Key, EventType.Of(question), entry.Times + 1);
                metrics.CountRepeat();
            }

            return entry with { Pause = Math.Min(2 * entry.Pause, LongestPause.TotalSeconds), Times = entry.Times + 1 };
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            // One that cannot be looked at does not hold up its neighbours.
            LogFailed(entry.Key, e.Reason());
            return entry;
        }
    }

    /// <summary>The list of what stands still, if it is another one now.</summary>
    private async Task<IReadOnlyList<Guarded>> UpdateStanding(IReadOnlyList<FollowUpEntry> looked, IReadOnlyList<FollowUpEntry> further, CancellationToken cancellationToken)
    {
        var standing = further.Where(entry => entry.Times >= StandsAfter).ToList();
        if (standing.Count == 0 && looked.All(entry => entry.Times < StandsAfter))
        {
            return [];
        }

        var (known, etag) = await dapr.GetStateAndETagAsync<Standing?>(Outbox.Store, Standing.Key, cancellationToken: cancellationToken);
        var next = new Standing([.. (known?.Entries ?? []).Where(entry => looked.All(one => one.Key != entry.Key)).Concat(standing).OrderBy(entry => entry.Since).Take(Standing.Most)]);
        metrics.Standing = next.Entries.Count;
        return [Guarded.Upsert(Standing.Key, next, etag, dapr.JsonSerializerOptions)];
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "{Key} stands still and tells {Event} again ({Times})")]
    private partial void LogAgain(string key, string @event, int times);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Key} cannot be followed up now: {Problem}")]
    private partial void LogFailed(string key, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "What waits is followed up later: {Problem}")]
    private partial void LogNotNow(string problem);
}
