using System.Text.Json;

namespace Lavka.Dashboard;

/// <summary>
/// Takes events in bulk (Dapr: developing-applications/building-blocks/pubsub/pubsub-bulk), as <c>components/subscriptions.yaml</c> asks for: one write for many. All of them pass:
/// what they mean, the projection decides.
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
        var wanted = bulk.Entries.Where(entry => Matters(entry.Event)).Select(entry => new JournalEvent(entry.Event.GetProperty("type").GetString()!, entry.Event.GetProperty("data"))).ToList();
        if (wanted.Count > 0)
        {
            await journal.Append(wanted, stop);
        }

        return new BulkAnswer(bulk.Entries.Select(entry => new EntryStatus(entry.EntryId, "SUCCESS")));
    }).ExcludeFromDescription();

    private static bool Matters(JsonElement @event) => @event.TryGetProperty("data", out var data) && data.ValueKind == JsonValueKind.Object
        && @event.TryGetProperty("type", out var type) && type.GetString() is { } name
        && (name.StartsWith("order.", StringComparison.Ordinal) ? data.TryGetProperty("orderId", out _) : name is "product.created" or "stock.low" or "stock.replenished");
}
