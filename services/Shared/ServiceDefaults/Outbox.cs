using System.Text.Json;
using Dapr;
using Dapr.Client;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Lavka.ServiceDefaults;

/// <summary>
/// The sixteen outbox keys of a service, and the way to its topic. Events are told at once; what a crash or a broker that was away left behind is told by the
/// look that this takes at the keys when the service starts, and every few seconds.
/// </summary>
public sealed partial class Outbox(DaprClient dapr, ServiceName service, ILogger<Outbox> log) : BackgroundService
{
    internal const string Store = "statestore";
    internal const string PubSub = "pubsub";
    private const int Keys = 16;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    // Long enough for a broker that is busy, short enough for a client that waits while the broker is away.
    private static readonly TimeSpan PublishTimeout = TimeSpan.FromSeconds(2);

    // One writer a key: within a process, accepted requests queue here and not at the store's ETags.
    private readonly SemaphoreSlim[] _locks = [.. Enumerable.Range(0, Keys).Select(_ => new SemaphoreSlim(1))];

    // By key: events that have been told, to be taken out with the next save; and events that are being told right now.
    private readonly HashSet<string>[] _told = [.. Enumerable.Range(0, Keys).Select(_ => new HashSet<string>())];
    private readonly HashSet<string>[] _telling = [.. Enumerable.Range(0, Keys).Select(_ => new HashSet<string>())];

    // By key: events that were there at the last look. One that is new may be another instance's, which is telling it.
    private readonly HashSet<string>[] _seen = [.. Enumerable.Range(0, Keys).Select(_ => new HashSet<string>())];

    /// <summary>Publishes an event; its id makes a repeat recognisable.</summary>
    internal Task Publish(StoredEvent @event, CancellationToken stop) => dapr.PublishEventAsync(PubSub, service.Name, @event.Data, new()
    {
        ["cloudevent.id"] = @event.Id,
        ["cloudevent.type"] = @event.Type,
        ["partitionKey"] = @event.PartitionKey,
    }, stop);

    /// <summary>Saves an event in the transaction of its aggregate; <see cref="Tell"/> is to follow.</summary>
    /// <returns>What the save answers.</returns>
    internal async Task<bool> Save(string aggregateKey, StoredEvent @event, Func<Guarded, Task<bool>> save, CancellationToken stop)
    {
        var slot = SlotOf(aggregateKey);
        await _locks[slot].WaitAsync(stop);
        try
        {
            var (outbox, etag) = await dapr.GetStateAndETagAsync<StoredOutbox?>(Store, KeyOf(slot), cancellationToken: stop);
            var kept = Untold(slot, outbox);
            if (!await save(Guarded.Upsert(KeyOf(slot), new StoredOutbox([.. kept, @event]), etag, dapr.JsonSerializerOptions)))
            {
                return false;
            }

            Forget(slot, kept, outbox);
            _telling[slot].Add(@event.Id);
            return true;
        }
        finally
        {
            _locks[slot].Release();
        }
    }

    /// <summary>Tells an event that has been saved. If it cannot be told now, it will be.</summary>
    internal Task Tell(string aggregateKey, StoredEvent @event, CancellationToken stop) => TryTell(SlotOf(aggregateKey), @event, stop);

    /// <inheritdoc />
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Interval);
        do
        {
            try
            {
                await TellPending(stoppingToken);
            }
            catch (DaprException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is DaprException or JsonException or OperationCanceledException && !stoppingToken.IsCancellationRequested)
            {
                LogNotNow(e.Reason());
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }

    private static int SlotOf(string aggregateKey) => (int)((uint)aggregateKey.GetHashCode(StringComparison.Ordinal) % Keys);

    private static string KeyOf(int slot) => $"outbox-{slot}";

    internal async Task TellPending(CancellationToken stop)
    {
        var items = await dapr.GetBulkStateAsync<StoredOutbox?>(Store, [.. Enumerable.Range(0, Keys).Select(KeyOf)], parallelism: Keys, cancellationToken: stop);
        foreach (var item in items.Where(item => item.Value?.Events.Count > 0))
        {
            var slot = int.Parse(item.Key.AsSpan("outbox-".Length), System.Globalization.CultureInfo.InvariantCulture);
            await Clean(slot, stop);
        }
    }

    private async Task Clean(int slot, CancellationToken stop)
    {
        List<StoredEvent> pending;
        await _locks[slot].WaitAsync(stop);
        try
        {
            var (outbox, _) = await dapr.GetStateAndETagAsync<StoredOutbox?>(Store, KeyOf(slot), cancellationToken: stop);
            var untold = Untold(slot, outbox);
            pending = [.. untold.Where(@event => _seen[slot].Contains(@event.Id) && _telling[slot].Add(@event.Id))];
            _seen[slot] = [.. untold.Select(@event => @event.Id)];
        }
        finally
        {
            _locks[slot].Release();
        }

        foreach (var @event in pending)
        {
            await TryTell(slot, @event, stop);
        }

        await _locks[slot].WaitAsync(stop);
        try
        {
            var (outbox, etag) = await dapr.GetStateAndETagAsync<StoredOutbox?>(Store, KeyOf(slot), cancellationToken: stop);
            var kept = Untold(slot, outbox);
            if (outbox is not null && kept.Count < outbox.Events.Count && await dapr.TrySave(Store, KeyOf(slot), new StoredOutbox(kept), etag, stop))
            {
                Forget(slot, kept, outbox);
            }
        }
        finally
        {
            _locks[slot].Release();
        }
    }

    private async Task TryTell(int slot, StoredEvent @event, CancellationToken stop)
    {
        var told = false;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(PublishTimeout);
        try
        {
            await Publish(@event, limit.Token);
            told = true;
        }
        catch (Exception e) when (e is DaprException or OperationCanceledException)
        {
            // The change is saved, so the caller has succeeded; the event stays where it is and is told later.
            LogNotNow(e.Reason());
        }

        await _locks[slot].WaitAsync(CancellationToken.None);
        _telling[slot].Remove(@event.Id);
        if (told)
        {
            _told[slot].Add(@event.Id);
        }

        _locks[slot].Release();
    }

    private List<StoredEvent> Untold(int slot, StoredOutbox? outbox) => [.. outbox?.Events.Where(@event => !_told[slot].Contains(@event.Id)) ?? []];

    private void Forget(int slot, List<StoredEvent> kept, StoredOutbox? outbox)
    {
        if (outbox is not null && kept.Count < outbox.Events.Count)
        {
            _told[slot].Clear();
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "An event stays in the outbox for now: {Problem}")]
    private partial void LogNotNow(string problem);
}
