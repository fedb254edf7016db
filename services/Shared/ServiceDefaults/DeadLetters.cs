using System.Text.Json;
using System.Text.Json.Nodes;
using Dapr.Client;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Lavka.ServiceDefaults;

/// <summary>
/// Puts an event that can never pass into the service's dead-letter topic, with the reason, and answers <c>DROP</c>. Everything else that goes wrong is left to be delivered again.
/// <para>Not by the subscription's <c>deadLetterTopic</c>: Dapr would put there every event of the topic that no route wants, and every event that a service which was away for long could not take.</para>
/// </summary>
internal sealed partial class DeadLetters(RequestDelegate next, DaprClient dapr, ServiceName service, ILogger<DeadLetters> log)
{
    /// <summary>The topic of a service's dead letters.</summary>
    public static string TopicOf(ServiceName service) => $"{service.Name}.dead-letters";

    public async Task InvokeAsync(HttpContext http)
    {
        if (http.GetEndpoint()?.Metadata.GetMetadata<EventEndpoint>() is null)
        {
            await next(http);
            return;
        }

        http.Request.EnableBuffering();
        try
        {
            await next(http);
        }
        catch (Exception e) when (e is RuleBrokenException or BadHttpRequestException { StatusCode: < StatusCodes.Status500InternalServerError })
        {
            await Keep(http, e);
            await http.Response.WriteAsJsonAsync(new { status = "DROP" }, http.RequestAborted);
        }
    }

    private async Task Keep(HttpContext http, Exception error)
    {
        var reason = error.Reason();
        var (id, type) = (http.Request.Headers["Cloudevent.id"].ToString(), http.Request.Headers["Cloudevent.type"].ToString());
        LogDeadLetter(id, type, reason);
        http.Request.Body.Position = 0;
        using var reader = new StreamReader(http.Request.Body, leaveOpen: true);
        var data = await reader.ReadToEndAsync(http.RequestAborted);
        await dapr.PublishEventAsync(Outbox.PubSub, TopicOf(service), new DeadLetterMessage(id, type, http.Request.Path, reason, Parse(data)), http.RequestAborted);
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
}
