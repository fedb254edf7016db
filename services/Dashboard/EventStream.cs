using System.Diagnostics;
using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Lavka.ServiceDefaults;

namespace Lavka.Dashboard;

/// <summary>
/// The journal as server-sent events: each as it comes. An event's id is its place, with which a client that lost its connection goes on. At the start, and while nothing comes, there is a
/// <c>waiting</c> now and then: what is between would give up a connection on which nothing comes.
/// </summary>
public static class EventStream
{
    private const string Waiting = "waiting";

    // Another instance may have taken events.
    private static readonly TimeSpan LookAgain = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(10);
    private static readonly JsonElement Nothing = JsonElement.Parse("{}");

    public static void MapEventStream(this WebApplication web) => web.MapGet("/v2/admin/events", async (HttpContext http, Caller caller, Journal journal, IHostApplicationLifetime app, CancellationToken stop) =>
    {
        caller.MustBeOperator();
        return TypedResults.ServerSentEvents(From(journal, await Start(http.Request.Headers["Last-Event-ID"].FirstOrDefault(), journal, stop), app.ApplicationStopping, stop));
    }).WithTags("Dashboard").WithSummary("Every event of orders, products and stock as it comes, or from the one after Last-Event-ID. For operators.");

    private static async Task<long> Start(string? lastEventId, Journal journal, CancellationToken stop) => lastEventId is null ? await journal.Length(stop)
        : long.TryParse(lastEventId, NumberStyles.None, CultureInfo.InvariantCulture, out var place) ? place
        : throw RequestException.Bad($"Last-Event-ID is '{lastEventId}'; it is the id of an event of this stream.");

    private static async IAsyncEnumerable<SseItem<JsonElement>> From(Journal journal, long place, CancellationToken ends, [EnumeratorCancellation] CancellationToken stop)
    {
        var end = Task.Delay(Timeout.Infinite, ends);
        for (var (silence, isFirst) = (Stopwatch.StartNew(), true); !ends.IsCancellationRequested; isFirst = false)
        {
            var changed = journal.Changed;
            var events = await journal.Read(place, stop);
            foreach (var @event in events)
            {
                place++;
                yield return new(@event.Data, @event.Type) { EventId = place.ToString(CultureInfo.InvariantCulture) };
            }

            if (isFirst || silence.Elapsed > LongestSilence)
            {
                silence.Restart();
                yield return new(Nothing, Waiting) { EventId = place.ToString(CultureInfo.InvariantCulture) };
            }

            if (events.Count == 0)
            {
                await Task.WhenAny(changed, end, Task.Delay(LookAgain, stop));
                stop.ThrowIfCancellationRequested();
            }
            else
            {
                silence.Restart();
            }
        }
    }
}
