using System.Globalization;
using System.Text.Json;
using Lavka.Sidecar.Cel;
using Lavka.Sidecar.Http;

namespace Lavka.Sidecar.PubSub.Delivery;

/// <summary>A message with where it goes in the app.</summary>
/// <param name="Path">The app's path; null: it has expired, or no route wants it.</param>
/// <param name="Body">What the app gets: the CloudEvent.</param>
/// <param name="TraceParent">The trace the event belongs to, if it says.</param>
/// <param name="TraceState">The trace's state, if the event has one.</param>
internal readonly record struct Routed(string? Path, ReadOnlyMemory<byte> Body, string? TraceParent, string? TraceState);

/// <summary>Which of a subscription's paths a message is for (Dapr: developing-applications/building-blocks/pubsub/howto-route-messages).</summary>
internal sealed class Router(SubscriptionSpec spec, TimeProvider time)
{
    private static readonly string[] Rfc3339 = ["yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"];

    private readonly bool? _raw = spec.RawPayload;

    // Most subscriptions have one path for everything: their events need not be taken apart.
    private readonly bool _conditional = spec.Routes.Any(route => route.Match is not null);

    /// <exception cref="JsonException">The message is no CloudEvent.</exception>
    /// <exception cref="CelException">A rule cannot be evaluated for it.</exception>
    public Routed Route(Message message)
    {
        var body = _raw ?? throw new JsonException("rawPayload value must be a valid boolean") ? CloudEvents.WrapRaw(message, spec.PubSubName) : message.Data;
        using var document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = ApiRequest.MaxDepth });
        var envelope = document.RootElement;
        if (envelope.ValueKind == JsonValueKind.Null && !_conditional)
        {
            return new(spec.Routes[0].Path, body, null, null);
        }

        if (envelope.ValueKind != JsonValueKind.Object)
        {
            throw new JsonException("it is not a JSON object");
        }

        var expired = Text(envelope, "expiration") is { } expires &&
            DateTimeOffset.TryParseExact(expires, Rfc3339, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var moment) && moment < time.GetUtcNow();
        return new(expired ? null : PathFor(envelope), body, Text(envelope, "traceparent") ?? Text(envelope, "traceid"), Text(envelope, "tracestate"));
    }

    private string? PathFor(JsonElement envelope)
    {
        if (!_conditional)
        {
            return spec.Routes[0].Path;
        }

        return spec.Routes.FirstOrDefault(route => route.Match is null || route.Match.IsTrue(name =>
            name == "event" ? envelope : throw new CelException($"undeclared reference to '{name}'")))?.Path;
    }

    private static string? Text(JsonElement envelope, string name) =>
        envelope.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : null;
}
