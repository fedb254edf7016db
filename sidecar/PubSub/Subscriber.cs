using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Lavka.Sidecar.Cel;
using Lavka.Sidecar.Resiliency;

namespace Lavka.Sidecar.PubSub;

/// <summary>The app could not take a message; the broker is to deliver it again.</summary>
internal sealed class DeliveryException(string message) : Exception(message);

/// <summary>Brings one subscription's messages to the app, and does with each what the app's answer says (Dapr: reference/api/pubsub_api).</summary>
internal sealed partial class Subscriber(SubscriptionSpec spec, AppChannel app, Func<Policy> policy, Func<string, Message, CancellationToken, Task> publish, TimeProvider time, ILogger log)
{
    private enum Answer { Success, Retry, Drop }

    private static readonly MediaTypeHeaderValue CloudEventType = new(CloudEvents.ContentType);

    private readonly bool _raw = spec.RawPayload;

    // Most subscriptions have one path for everything: their events need not be taken apart.
    private readonly bool _conditional = spec.Routes.Any(route => route.Match is not null);

    /// <summary>Completes when the message may be forgotten: taken, dropped, expired, or in the dead-letter topic.</summary>
    /// <exception cref="DeliveryException">It must come again.</exception>
    public async Task Deliver(Message message, CancellationToken stop)
    {
        var body = _raw ? CloudEvents.WrapRaw(message.Data, spec.PubSubName, message.Topic) : message.Data;
        string? path;
        (string? TraceParent, string? TraceState) trace;
        try
        {
            (path, trace) = Look(body);
        }
        catch (Exception e) when (e is JsonException or CelException)
        {
            await Undeliverable(message, $"it cannot be routed: {e.Message}", stop);
            return;
        }

        if (path is null)
        {
            LogNoRoute(message.Topic);
            await DeadLetter(message, stop);
            return;
        }

        Exception? error = null;
        try
        {
            var answer = await policy().Run(async token => await Ask(path, body, message.Metadata, trace, token), stop);
            if (answer == Answer.Success)
            {
                return;
            }

            if (answer == Answer.Drop)
            {
                LogDropped(message.Topic, path);
                await DeadLetter(message, stop);
                return;
            }
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            error = e;
        }

        stop.ThrowIfCancellationRequested();
        await Undeliverable(message, error?.Message ?? $"the app asked at {path} to try again", stop);
    }

    /// <summary>Where the event goes, or null for nowhere: no route matches, or it has expired.</summary>
    private (string? Path, (string? TraceParent, string? TraceState)) Look(ReadOnlyMemory<byte> body)
    {
        using var document = JsonDocument.Parse(body);
        var envelope = document.RootElement;
        if (envelope.ValueKind != JsonValueKind.Object)
        {
            throw new JsonException("it is not a JSON object");
        }

        var trace = (Text(envelope, "traceparent"), Text(envelope, "tracestate"));
        if (Text(envelope, "expiration") is { } expires &&
            DateTimeOffset.TryParse(expires, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment) && moment < time.GetUtcNow())
        {
            return (null, trace);
        }

        if (!_conditional)
        {
            return (spec.Routes[0].Path, trace);
        }

        var route = spec.Routes.FirstOrDefault(route => route.Match is null || route.Match.IsTrue(name =>
            name == "event" ? envelope : throw new CelException($"undeclared reference to '{name}'")));
        return (route?.Path, trace);
    }

    private static string? Text(JsonElement envelope, string name) =>
        envelope.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : null;

    private async ValueTask<Attempt<Answer>> Ask(
        string path, ReadOnlyMemory<byte> body, IReadOnlyDictionary<string, string> metadata, (string? TraceParent, string? TraceState) trace, CancellationToken stop)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, app.At(path.StartsWith('/') ? path : '/' + path)) { Content = new ReadOnlyMemoryContent(body) };
        request.Content.Headers.ContentType = CloudEventType;
        foreach (var (name, value) in metadata)
        {
            if (!name.StartsWith("content-", StringComparison.OrdinalIgnoreCase))
            {
                request.Headers.TryAddWithoutValidation(name, value);
            }
        }

        request.Headers.TryAddWithoutValidation("pubsubname", spec.PubSubName);
        if (trace.TraceParent is not null)
        {
            request.Headers.TryAddWithoutValidation("traceparent", trace.TraceParent);
            if (trace.TraceState is not null)
            {
                request.Headers.TryAddWithoutValidation("tracestate", trace.TraceState);
            }
        }

        using var response = await app.Send(request, stop);
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            return new(Answer.Drop);
        }

        if (!response.IsSuccessStatusCode)
        {
            return new(Answer.Retry, Failed: true, (int)response.StatusCode);
        }

        return response.Content.Headers.ContentLength == 0 ? new(Answer.Success)
            : Read(await response.Content.ReadAsByteArrayAsync(stop)) is var answer && answer == Answer.Retry ? new(answer, Failed: true)
            : new(answer);
    }

    private static Answer Read(ReadOnlySpan<byte> body)
    {
        try
        {
            var json = new Utf8JsonReader(body);
            using var document = body.IsEmpty ? null : JsonDocument.ParseValue(ref json);
            if (document?.RootElement is { ValueKind: JsonValueKind.Object } answer && answer.TryGetProperty("status", out var status) && status.ValueKind == JsonValueKind.String)
            {
                return status.GetString() switch
                {
                    "" or "SUCCESS" => Answer.Success,
                    "DROP" => Answer.Drop,
                    _ => Answer.Retry,
                };
            }
        }
        catch (JsonException)
        {
            // Any other body of a 2xx says nothing: the event was taken.
        }

        return Answer.Success;
    }

    private async Task Undeliverable(Message message, string why, CancellationToken stop)
    {
        if (!await DeadLetter(message, stop))
        {
            LogFailed(message.Topic, why);
            throw new DeliveryException(why);
        }

        LogDeadLetter(message.Topic, spec.DeadLetterTopic!, why);
    }

    private async Task<bool> DeadLetter(Message message, CancellationToken stop)
    {
        if (spec.DeadLetterTopic is not { } topic)
        {
            return false;
        }

        await publish(spec.PubSubName, message with { Topic = topic }, stop);
        return true;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "An event of topic {Topic} was not taken: {Problem}")]
    private partial void LogFailed(string topic, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "An event of topic {Topic} goes to the dead-letter topic {DeadLetterTopic}: {Problem}")]
    private partial void LogDeadLetter(string topic, string deadLetterTopic, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "An event of topic {Topic} was dropped by the app at {Path}")]
    private partial void LogDropped(string topic, string path);

    [LoggerMessage(Level = LogLevel.Debug, Message = "An event of topic {Topic} has expired or matches no route")]
    private partial void LogNoRoute(string topic);
}
