using System.Text.Json;

namespace Lavka.Dashboard;

/// <summary>
/// Takes events in bulk (Dapr: developing-applications/building-blocks/pubsub/pubsub-bulk), as <c>components/local/subscriptions.yaml</c> asks for: one write for many. What the
/// projection does not understand is left out: the journal is for ever, and nothing in it may stop a projection.
/// </summary>
public static class Events
{
    /// <param name="EntryId">What the answer calls it.</param>
    /// <param name="Event">A CloudEvent.</param>
    public sealed record Entry(string EntryId, JsonElement Event);

    public sealed record Bulk(IReadOnlyList<Entry> Entries);

    public sealed record EntryStatus(string EntryId, string Status);

    public sealed record BulkAnswer(IEnumerable<EntryStatus> Statuses);

    public static void MapEvents(this WebApplication app) => app.MapPost("/events", async (Bulk bulk, Journal journal, CancellationToken stop) =>
    {
        var wanted = bulk.Entries.Select(entry => Read(entry.Event)).OfType<JournalEvent>().Where(Projection.Understands).ToList();
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
}
