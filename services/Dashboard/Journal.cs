using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using Lavka.ServiceDefaults;

namespace Lavka.Dashboard;

/// <summary>An event as it came.</summary>
public sealed record JournalEvent(string Type, JsonElement Data)
{
    /// <summary>How large its data is.</summary>
    internal int Bytes => JsonMarshal.GetRawUtf8Value(Data).Length;
}

/// <summary>A page of the journal.</summary>
/// <param name="Number">How many pages, all full, are before it.</param>
public sealed record JournalPage(int Number, IReadOnlyList<JournalEvent> Events);

/// <summary>
/// The read side's own copy of the log: every event it was ever told, in the order it came. Projections are made from it and can be made again, whatever the broker has
/// forgotten since. An event may be in it twice.
/// </summary>
public sealed class Journal(AggregateStore store)
{
    private const int PageSize = 50;
    private const string Newest = "journal";

    // With a full page it is less than a sidecar takes as one message.
    private const int MostBytes = 512 * 1024;

    private readonly SemaphoreSlim _writer = new(1);
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when events come after this was asked.</summary>
    public Task Changed => Volatile.Read(ref _changed).Task;

    /// <summary>Keeps events; they are safe when this returns.</summary>
    public async Task Append(IReadOnlyList<JournalEvent> events, CancellationToken stop)
    {
        await _writer.WaitAsync(stop);
        try
        {
            foreach (var some in events.ChunkByBytes(MostBytes, @event => @event.Bytes))
            {
                await Save(some, stop);
            }
        }
        finally
        {
            _writer.Release();
        }

        Interlocked.Exchange(ref _changed, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }

    private Task Save(IReadOnlyList<JournalEvent> events, CancellationToken stop) => store.Change<JournalPage, JournalPage>(Newest, [], (page, full) =>
    {
        page ??= new(0, []);
        foreach (var more in events.Chunk(PageSize))
        {
            var all = page.Events.Concat(more).ToList();
            page = page with { Events = all };
            if (all.Count > PageSize)
            {
                full.Set(KeyOf(page.Number), page with { Events = all[..PageSize] });
                page = new(page.Number + 1, all[PageSize..]);
            }
        }

        return page.Quietly();
    }, stop);

    /// <summary>How many events there are.</summary>
    public async Task<long> Length(CancellationToken stop) => await store.Find<JournalPage>(Newest, stop) is { } page ? ((long)page.Number * PageSize) + page.Events.Count : 0;

    /// <summary>The events from a position on; none: that is the end. Not all of them at once.</summary>
    public async Task<IReadOnlyList<JournalEvent>> Read(long position, CancellationToken stop)
    {
        var (number, skip) = ((int)(position / PageSize), (int)(position % PageSize));
        var newest = await store.Find<JournalPage>(Newest, stop);
        var page = newest is null || number >= newest.Number ? newest : await store.FindPart<JournalPage>(KeyOf(number), stop);
        return page is null || page.Number != number ? [] : [.. page.Events.Skip(skip)];
    }

    private static string KeyOf(int number) => string.Create(CultureInfo.InvariantCulture, $"{Newest}-{number}");
}
