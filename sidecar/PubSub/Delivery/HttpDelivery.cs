using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Lavka.Sidecar.Http;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.Resiliency;

namespace Lavka.Sidecar.PubSub.Delivery;

/// <summary>Posts events to an HTTP app (Dapr: reference/api/pubsub_api).</summary>
internal sealed class HttpDelivery(SubscriptionSpec spec, AppChannel app, Telemetry telemetry) : IDelivery
{
    private static readonly MediaTypeHeaderValue CloudEventType = new(CloudEvents.ContentType);

    public async ValueTask<Attempt<DeliveryAnswer>> Deliver(Routed routed, Message message, CancellationToken cancellationToken)
    {
        using var span = telemetry.StartDelivery($"pubsub/{message.Topic}", routed.TraceParent, routed.TraceState);
        using var request = Post(routed.Path!, routed.Body, CloudEventType);
        foreach (var (name, value) in message.Metadata)
        {
            if (!name.Equals("content-type", StringComparison.OrdinalIgnoreCase)
                && !name.Equals("content-length", StringComparison.OrdinalIgnoreCase)
                && !request.Headers.TryAddWithoutValidation(name, value))
            {
                request.Content!.Headers.TryAddWithoutValidation(name, value);
            }
        }

        request.Headers.Remove("pubsubname");
        request.Headers.TryAddWithoutValidation("pubsubname", spec.PubSubName);
        Telemetry.Propagate(span, routed.TraceParent, routed.TraceState, request.Headers);
        using var response = await app.Send(request, cancellationToken);
        Telemetry.End(span, (int)response.StatusCode);
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            return new(DeliveryAnswer.Drop);
        }

        if (!response.IsSuccessStatusCode)
        {
            return new(DeliveryAnswer.Retry, Failed: true, (int)response.StatusCode);
        }

        var answer = response.Content.Headers.ContentLength == 0 ? DeliveryAnswer.Success : Read(await response.Content.ReadAsByteArrayAsync(cancellationToken));
        return new(answer, Failed: answer == DeliveryAnswer.Retry);
    }

    public async ValueTask<BulkAnswer> DeliverBulk(string path, IReadOnlyList<BulkEntry> entries, CancellationToken cancellationToken)
    {
        using var span = telemetry.StartDelivery($"pubsub/{spec.Topic}", entries[0].Routed.TraceParent, entries[0].Routed.TraceState);
        using var request = Post(path, HttpBulk.Body(spec, entries), new("application/json"));
        request.Headers.TryAddWithoutValidation("pubsubname", spec.PubSubName);
        Telemetry.Propagate(span, null, null, request.Headers);
        using var response = await app.Send(request, cancellationToken);
        Telemetry.End(span, (int)response.StatusCode);
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            return BulkAnswer.Same(entries, DeliveryAnswer.Success);
        }

        return response.IsSuccessStatusCode
            ? new(HttpBulk.Answers(await response.Content.ReadAsByteArrayAsync(cancellationToken)))
            : BulkAnswer.None((int)response.StatusCode);
    }

    private HttpRequestMessage Post(string path, ReadOnlyMemory<byte> body, MediaTypeHeaderValue type)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, app.At(GoPath.Escape(GoPath.Clean(path))));
        request.Content = new ReadOnlyMemoryContent(body);
        request.Content.Headers.ContentType = type;
        return request;
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
                var status = answer.EnumerateObject()
                    .LastOrDefault(member => member.Name.Equals("status", StringComparison.OrdinalIgnoreCase)).Value;
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
