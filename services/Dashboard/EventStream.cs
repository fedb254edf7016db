using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Lavka.ServiceDefaults;

namespace Lavka.Dashboard;

/// <summary>The journal as server-sent events: each as it comes. An event's id is its place, with which a client that lost its connection goes on.</summary>
public static class EventStream
{
    // Another instance may have taken events; and what is between would end a connection on which nothing comes.
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);

    public static void MapEventStream(this WebApplication app) => app.MapGet("/v2/admin/events", async (HttpContext http, Caller caller, Journal journal, CancellationToken stop) =>
    {
        caller.MustBeOperator();
        return TypedResults.ServerSentEvents(From(journal, await Start(http.Request.Headers["Last-Event-ID"].FirstOrDefault(), journal, stop), stop));
    }).WithTags("Dashboard").WithSummary("Every event of orders, products and stock as it comes, or from the one after Last-Event-ID. For operators.");

    private static async Task<long> Start(string? lastEventId, Journal journal, CancellationToken stop) => lastEventId is null ? await journal.Length(stop)
        : long.TryParse(lastEventId, NumberStyles.None, CultureInfo.InvariantCulture, out var place) ? place
        : throw RequestException.Bad($"Last-Event-ID is '{lastEventId}'; it is the id of an event of this stream.");

    private static async IAsyncEnumerable<SseItem<JsonElement>> From(Journal journal, long place, [EnumeratorCancellation] CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            var changed = journal.Changed;
            var events = await journal.Read(place, stop);
            if (events.Count == 0)
            {
                await Task.WhenAny(changed, Task.Delay(LookAgain, stop));
            }

            foreach (var @event in events)
            {
                place++;
                yield return new(@event.Data, @event.Type) { EventId = place.ToString(CultureInfo.InvariantCulture) };
            }
        }
    }
}
