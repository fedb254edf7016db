using Lavka.ServiceDefaults;

namespace Lavka.Dashboard;

/// <summary>Which projection is shown, and which is being built.</summary>
/// <param name="Building">The same as shown: none is.</param>
/// <param name="Left">Which was shown before, and is being deleted; null: it is gone.</param>
/// <param name="Swept">How many events of the journal have been looked at for what is to be deleted.</param>
public sealed record Head(int Shown, int Building, int? Left = null, long Swept = 0)
{
    public const string Key = "head";
}

/// <summary>
/// Takes the projection on with the journal. A rebuild starts another one from nothing, which is shown when it has read the whole journal; until then the old one is, and goes on.
/// </summary>
public sealed partial class Projector(AggregateStore store, Journal journal, TimeProvider time, ILogger<Projector> log) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(500);

    // Another instance may have taken events, or a rebuild may have been asked of it.
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(2);
    private TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What is shown.</summary>
    public async Task<Projection> Shown(CancellationToken stop) => await Load((await FindHead(stop)).Shown, stop);

    public async Task<Head> FindHead(CancellationToken stop) => await store.Find<Head>(Head.Key, stop) ?? new(0, 0);

    /// <summary>Throws the projection away and makes it again. While one is being built, that one goes on.</summary>
    public async Task<Head> Rebuild(CancellationToken stop)
    {
        var head = await store.Accept<Head>(Head.Key, known =>
        {
            var now = known ?? new(0, 0);
            return now.Building != now.Shown ? now.Unchanged() : (now with { Building = now.Shown + 1 }).Quietly();
        }, stop);
        Interlocked.Exchange(ref _asked, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        return head!;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            try
            {
                var (changed, asked) = (journal.Changed, Volatile.Read(ref _asked).Task);
                if (!await GoOn(stoppingToken))
                {
                    await Task.WhenAny(changed, asked, Task.Delay(LookAgain, stoppingToken));
                    stoppingToken.ThrowIfCancellationRequested();
                }
            }
            catch (Exception) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                // Whatever it is: a read side that has ended shows old totals for ever.
                LogNotNow(e.Reason());
                await Task.Delay(Pause, stoppingToken);
            }
        }
    }

    private async Task<Projection> Load(int generation, CancellationToken stop) => await store.Find<Projection>(Projection.KeyOf(generation), stop) ?? Projection.Empty(generation);

    /// <summary>One step of each projection; false: there was nothing to do.</summary>
    private async Task<bool> GoOn(CancellationToken stop)
    {
        var head = await FindHead(stop);
        var wentOn = await Step(head.Shown, stop);
        if (head.Left is { } left)
        {
            await Sweep(head, left, stop);
            return true;
        }

        if (head.Building == head.Shown)
        {
            return wentOn;
        }

        if (await Step(head.Building, stop) && (await Load(head.Building, stop)).Position < (await Load(head.Shown, stop)).Position)
        {
            return true;
        }

        await Go(head, new(head.Building, head.Building, head.Shown), stop);
        return true;
    }

    private Task Go(Head from, Head to, CancellationToken stop) => store.Accept<Head>(Head.Key, known => known == from ? to.Quietly() : known!.Unchanged(), stop);

    /// <summary>Deletes what a generation that is not shown any more knew of the orders in one page of the journal; at the end, its totals.</summary>
    private async Task Sweep(Head head, int generation, CancellationToken stop)
    {
        var events = await journal.Read(head.Swept, stop);
        List<string> keys = events.Count == 0
            ? [Projection.KeyOf(generation)]
            : [.. events.Select(Projection.OrderOf).OfType<string>().Distinct().Select(id => OrderFacts.KeyOf(generation, id))];
        await store.Delete(keys, stop);
        await Go(head, events.Count == 0 ? new(head.Shown, head.Building) : head with { Swept = head.Swept + events.Count }, stop);
    }

    private async Task<bool> Step(int generation, CancellationToken stop)
    {
        var before = await Load(generation, stop);
        var events = await journal.Read(before.Position, stop);
        if (events.Count == 0)
        {
            return false;
        }

        var keys = events.Select(Projection.OrderOf).OfType<string>().Distinct().Select(id => OrderFacts.KeyOf(generation, id)).ToList();
        await store.Accept<Projection, OrderFacts>(Projection.KeyOf(generation), keys, (known, orders) =>
        {
            var now = known ?? Projection.Empty(generation);

            // Another instance may have been here first.
            return now.Position != before.Position ? now.Unchanged()
                : now.After(events, time.GetUtcNow(), id => orders[OrderFacts.KeyOf(generation, id)], (id, facts) => orders.Set(OrderFacts.KeyOf(generation, id), facts)).Quietly();
        }, stop);
        return true;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The dashboard cannot be taken on now: {Problem}")]
    private partial void LogNotNow(string problem);
}
