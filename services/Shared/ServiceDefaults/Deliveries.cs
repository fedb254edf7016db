using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Dapr.Client;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Lavka.ServiceDefaults;

/// <summary>
/// Takes what a sidecar delivers: events in bulk, or one (Dapr: reference/api/pubsub_api). An event that can never pass goes into the service's dead-letter topic, with the reason, and is
/// answered with <c>DROP</c>; everything else that goes wrong is answered with <c>RETRY</c>.
/// <para>Not by the subscription's <c>deadLetterTopic</c>: Dapr would put there every event of the topic that no route wants, and every event that a service which was away for long could not take.</para>
/// </summary>
internal sealed partial class Deliveries(DaprClient dapr, ServiceName service, ILogger<Deliveries> log)
{
    /// <summary>Where the spans of single events of a bulk come from.</summary>
    public const string ActivitySourceName = "Lavka.Events";

    private static readonly ActivitySource Activities = new(ActivitySourceName);

    private enum Outcome
    {
        Success,
        Retry,
        Drop,
    }

    /// <summary>The topic of a service's dead letters.</summary>
    public static string TopicOf(ServiceName service) => $"{service.Name}.dead-letters";

    /// <summary>Has a delivery handled, and answers it.</summary>
    public async Task Take(HttpContext http, HandleEvent handler)
    {
        var stop = http.RequestAborted;
        JsonDocument body;
        try
        {
            body = await JsonDocument.ParseAsync(http.Request.Body, cancellationToken: stop);
        }
        catch (JsonException e) when (Cause.Current is { } cause)
        {
            await Keep(cause, http, "", e);
            await Answer(http, Outcome.Drop);
            return;
        }

        using (body)
        {
            if (Cause.Current is { } single)
            {
                await Answer(http, await Take(single, null, body.RootElement, handler, http));
                return;
            }

            var entries = body.RootElement.GetProperty("entries").EnumerateArray().ToList();
            var outcomes = await Task.WhenAll(entries.Select(entry => TakeEntry(entry.GetProperty("event"), handler, http)));
            await http.Response.WriteAsJsonAsync(
                new { statuses = entries.Zip(outcomes, (entry, outcome) => new { entryId = entry.GetProperty("entryId").GetString(), status = Text(outcome) }) }, stop);
        }
    }

    private static string Text(Outcome outcome) => outcome switch { Outcome.Success => "SUCCESS", Outcome.Drop => "DROP", _ => "RETRY" };

    private static Task Answer(HttpContext http, Outcome outcome)
    {
        http.Response.StatusCode = outcome == Outcome.Retry ? StatusCodes.Status500InternalServerError : StatusCodes.Status200OK;
        return http.Response.WriteAsJsonAsync(new { status = Text(outcome) }, http.RequestAborted);
    }

    private static string? Member(JsonElement @event, string name) =>
        @event.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>An event of a bulk: in the trace that it belongs to, as the cause of what it changes.</summary>
    private async Task<Outcome> TakeEntry(JsonElement @event, HandleEvent handler, HttpContext http)
    {
        var cause = new Cause(Member(@event, "id") ?? "", Member(@event, "type") ?? "");
        var trace = Member(@event, "traceparent");
        using var activity = Activities.StartActivity(cause.Type, ActivityKind.Consumer, trace)
            ?? (ActivityContext.TryParse(trace, null, out _) ? new Activity(cause.Type).SetParentId(trace!).Start() : null);
        Cause.Current = cause;
        return await Take(cause, activity, @event.TryGetProperty("data", out var data) ? data : default, handler, http);
    }

    private async Task<Outcome> Take(Cause cause, Activity? activity, JsonElement data, HandleEvent handler, HttpContext http)
    {
        try
        {
            try
            {
                await handler(data, http.RequestServices, http.RequestAborted);
            }
            catch (Exception e) when (e is RuleBrokenException or JsonException or OverflowException)
            {
                await Keep(cause, http, data.ValueKind == JsonValueKind.Undefined ? "" : data.GetRawText(), e);
                return Outcome.Drop;
            }

            return Outcome.Success;
        }
        catch (Exception e)
        {
            activity?.SetStatus(ActivityStatusCode.Error, e.Reason());
            LogAgain(http.Request.Path, e.Reason());
            return Outcome.Retry;
        }
    }

    private async Task Keep(Cause cause, HttpContext http, string data, Exception error)
    {
        LogDeadLetter(cause.Id, cause.Type, error.Reason());
        await dapr.PublishEventAsync(Outbox.PubSub, TopicOf(service), new DeadLetterMessage(cause.Id, cause.Type, http.Request.Path, error.Reason(), Parse(data)), http.RequestAborted);
    }

    private static JsonNode? Parse(string data)
    {
        try
        {
            return JsonNode.Parse(data);
        }
        catch (JsonException)
        {
            return data;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Event {Id} ({Type}) can never pass and becomes a dead letter: {Reason}")]
    private partial void LogDeadLetter(string id, string type, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Path}: an event could not be taken and comes again: {Problem}")]
    private partial void LogAgain(string path, string problem);
}
