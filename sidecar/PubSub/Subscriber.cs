using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Lavka.Sidecar.Http;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.Resiliency;

namespace Lavka.Sidecar.PubSub;

/// <summary>Brings one subscription's messages to the app, and does with each what the app's answer says (Dapr: reference/api/pubsub_api).</summary>
internal sealed class Subscriber(SubscriptionSpec spec, AppChannel app, Func<Policy> policy, DeadLetters deadLetters, Telemetry telemetry, SidecarOptions options)
{
    private static readonly MediaTypeHeaderValue CloudEventType = new(CloudEvents.ContentType);

    private readonly Router _router = new(spec, options.Time);

    /// <summary>Completes when the message may be forgotten: taken, dropped, expired, or in the dead-letter topic.</summary>
    /// <exception cref="DeliveryException">It must come again.</exception>
    public async Task Deliver(Message message, CancellationToken stop)
    {
        if (await deadLetters.Route(_router, message, stop) is not { } routed)
        {
            telemetry.Metrics?.PubSubIngress(spec.PubSubName, message.Topic, "drop", TimeSpan.Zero);
            return;
        }

        var started = Stopwatch.GetTimestamp();
        Exception? error = null;
        try
        {
            var answer = await policy().Run(token => options.Broker is { } test
                ? test.Deliver(message.Topic, () => Ask(routed, message, token), () => new Attempt<DeliveryAnswer>(DeliveryAnswer.Retry, Failed: true, 500), token)
                : Ask(routed, message, token), stop);
            if (answer != DeliveryAnswer.Retry)
            {
                telemetry.Metrics?.PubSubIngress(spec.PubSubName, message.Topic, answer == DeliveryAnswer.Success ? "success" : "drop", Stopwatch.GetElapsedTime(started));
                if (answer == DeliveryAnswer.Drop)
                {
                    await deadLetters.Drop(message, $"the app said so at {routed.Path}", stop);
                }

                return;
            }
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            error = e;
        }

        stop.ThrowIfCancellationRequested();
        telemetry.Metrics?.PubSubIngress(spec.PubSubName, message.Topic, "retry", Stopwatch.GetElapsedTime(started));
        await deadLetters.Undeliverable(message, error?.Message ?? $"the app asked at {routed.Path} to try again", stop);
    }

    private async ValueTask<Attempt<DeliveryAnswer>> Ask(Routed routed, Message message, CancellationToken stop)
    {
        using var span = telemetry.StartDelivery($"pubsub/{message.Topic}", routed.TraceParent, routed.TraceState);
        using var request = new HttpRequestMessage(HttpMethod.Post, app.At(GoPath.Escape(GoPath.Clean(routed.Path!)))) { Content = new ReadOnlyMemoryContent(routed.Body) };
        request.Content.Headers.ContentType = CloudEventType;
        foreach (var (name, value) in message.Metadata)
        {
            if (!name.Equals("content-type", StringComparison.OrdinalIgnoreCase) && !name.Equals("content-length", StringComparison.OrdinalIgnoreCase)
                && !request.Headers.TryAddWithoutValidation(name, value))
            {
                request.Content.Headers.TryAddWithoutValidation(name, value);
            }
        }

        request.Headers.Remove("pubsubname");
        request.Headers.TryAddWithoutValidation("pubsubname", spec.PubSubName);
        Telemetry.Propagate(span, routed.TraceParent, routed.TraceState, request.Headers);
        using var response = await app.Send(request, stop);
        Telemetry.End(span, (int)response.StatusCode);
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            return new(DeliveryAnswer.Drop);
        }

        if (!response.IsSuccessStatusCode)
        {
            return new(DeliveryAnswer.Retry, Failed: true, (int)response.StatusCode);
        }

        return response.Content.Headers.ContentLength == 0 ? new(DeliveryAnswer.Success)
            : Read(await response.Content.ReadAsByteArrayAsync(stop)) is var answer && answer == DeliveryAnswer.Retry ? new(answer, Failed: true)
            : new(answer);
    }

    private static DeliveryAnswer Read(ReadOnlySpan<byte> body)
    {
        try
        {
            var json = new Utf8JsonReader(body);
            using var document = body.IsEmpty ? null : JsonDocument.ParseValue(ref json);
            if (document?.RootElement is { ValueKind: JsonValueKind.Object } answer)
            {
                // Go reads names in any case, and the last one counts.
                var status = answer.EnumerateObject().LastOrDefault(member => member.Name.Equals("status", StringComparison.OrdinalIgnoreCase)).Value;
                return status.ValueKind == JsonValueKind.String ? DeliveryAnswers.Read(status.GetString()) : DeliveryAnswer.Success;
            }
        }
        catch (JsonException)
        {
            // Any other body of a 2xx says nothing: the event was taken.
        }

        return DeliveryAnswer.Success;
    }
}
