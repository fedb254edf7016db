using System.Text.Json;

namespace Lavka.Dashboard;

/// <summary>
/// Takes events in bulk (Dapr: developing-applications/building-blocks/pubsub/pubsub-bulk), as <c>components/local/subscriptions.yaml</c> asks for: one write for many. What the
/// projection does not understand, or is larger than any event of the shop, is left out: the journal is for ever, and nothing in it may stop a projection.
/// </summary>
public static partial class Events
{
    // The largest that the shop itself tells has some 20,000: a hundred lines, an address of the longest parts.
    private const int MostBytes = 64 * 1024;

    /// <param name="EntryId">What the answer calls it.</param>
    /// <param name="Event">A CloudEvent.</param>
    public sealed record Entry(string EntryId, JsonElement Event);

    public sealed record Bulk(IReadOnlyList<Entry> Entries);

    public sealed record EntryStatus(string EntryId, string Status);

    public sealed record BulkAnswer(IEnumerable<EntryStatus> Statuses);

    public static void MapEvents(this WebApplication app) => app.MapPost("/events", async (Bulk bulk, Journal journal, ILogger<Journal> log, CancellationToken stop) =>
    {
        var understood = bulk.Entries.Select(entry => Read(entry.Event)).OfType<JournalEvent>().Where(Projection.Understands).ToList();
        var wanted = understood.Where(@event => @event.Bytes <= MostBytes).ToList();
        if (wanted.Count < understood.Count)
        {
            LogTooLarge(log, understood.Count - wanted.Count, MostBytes);
        }

        if (wanted.Count > 0)
        {
            await journal.Append(wanted, stop);
        }

        return new BulkAnswer(bulk.Entries.Select(entry => new EntryStatus(entry.EntryId, "SUCCESS")));
    }).ExcludeFromDescription();

    private static JournalEvent? Read(JsonElement @event) =>
        @event.ValueKind == JsonValueKind.Object && @event.TryGetProperty("type", out var type) && type.ValueKind == JsonValueKind.String && @event.TryGetProperty("data", out var data)
            ? new(type.GetString()!, data)
            : null;

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Count} events have more than {Bytes} bytes and are left out")]
    private static partial void LogTooLarge(ILogger log, int count, int bytes);
}
