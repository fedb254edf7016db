using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using System.Threading.Channels;
using Lavka.Sidecar.Http;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.Resiliency;
using Lavka.Sidecar.Testing;

namespace Lavka.Sidecar.PubSub;

/// <summary>How a subscription gathers messages into one request (Dapr: developing-applications/building-blocks/pubsub/pubsub-bulk).</summary>
/// <param name="MaxMessages"><c>maxMessagesCount</c>, 100 by default.</param>
/// <param name="MaxWait"><c>maxAwaitDurationMs</c> after the first message, one second by default.</param>
internal sealed record BulkSubscribe(int MaxMessages, TimeSpan MaxWait)
{
    public static BulkSubscribe From(int? maxMessages, int? maxWaitMilliseconds) =>
        new(maxMessages is > 0 and var most ? most : 100, TimeSpan.FromMilliseconds(maxWaitMilliseconds is > 0 and var wait ? wait : 1000));
}

/// <summary>
/// Brings one subscription's messages to the app several at a time; the app answers for each (Dapr: reference/api/pubsub_api, bulk subscribe). Only those not
/// taken are sent again.
/// </summary>
internal sealed class BulkSubscriber : IAsyncDisposable
{
    private sealed class Entry(Message message)
    {
        public string Id { get; } = Guid.NewGuid().ToString();

        public Message Message => message;

        public Routed Routed { get; set; }

        public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private readonly SubscriptionSpec _spec;
    private readonly AppChannel _app;
    private readonly Func<Policy> _policy;
    private readonly DeadLetters _deadLetters;
    private readonly Telemetry _telemetry;
    private readonly TimeProvider _time;
    private readonly BulkSubscribe _bulk;
    private readonly TestBroker? _test;
    private readonly Router _router;
    private readonly Channel<Entry> _entries;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _batches;

    public BulkSubscriber(SubscriptionSpec spec, AppChannel app, Func<Policy> policy, DeadLetters deadLetters, Telemetry telemetry, SidecarOptions options)
    {
        (_spec, _app, _policy, _deadLetters, _telemetry, _time) = (spec, app, policy, deadLetters, telemetry, options.Time);
        _bulk = spec.Bulk!;
        _test = options.Broker;
        _router = new(spec, _time);
        _entries = Channel.CreateBounded<Entry>(_bulk.MaxMessages);
        _batches = Task.Run(Batches);
    }

    /// <summary>Completes when the message may be forgotten.</summary>
    /// <exception cref="DeliveryException">It must come again.</exception>
    public async Task Deliver(Message message, CancellationToken stop)
    {
        if (await _deadLetters.Route(_router, message, stop) is not { } routed)
        {
            return;
        }

        var entry = new Entry(message) { Routed = routed };
        await _entries.Writer.WriteAsync(entry, stop);
        await entry.Done.Task.WaitAsync(stop);
    }

    public async ValueTask DisposeAsync()
    {
        _entries.Writer.TryComplete();
        await _stop.CancelAsync();
        await _batches;
        _stop.Dispose();
    }

    private async Task Batches()
    {
        try
        {
            while (await _entries.Reader.WaitToReadAsync(_stop.Token))
            {
                var batch = await Gather();
                await Task.WhenAll(batch.GroupBy(entry => entry.Routed.Path!).Select(group => Bring(group.Key, [.. group])));
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Stopped: what is not answered comes again.
        }
    }

    private async Task<List<Entry>> Gather()
    {
        var batch = new List<Entry>();
        using var full = new CancellationTokenSource(_bulk.MaxWait, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(full.Token, _stop.Token);
        try
        {
            while (batch.Count < _bulk.MaxMessages)
            {
                batch.Add(await _entries.Reader.ReadAsync(either.Token));
            }
        }
        catch (OperationCanceledException) when (!_stop.IsCancellationRequested)
        {
            // The wait is over: what there is goes now.
        }
        catch (ChannelClosedException)
        {
            // The last batch.
        }

        return batch;
    }

    private async Task Bring(string path, List<Entry> entries)
    {
        var left = entries;
        var problem = $"the app asked at {path} to try again";
        try
        {
            await _policy().Run(async stop =>
            {
                left = _test is null ? await Ask(path, left, stop) : await _test.Deliver(_spec.Topic, async () => await Ask(path, left, stop), () => left, stop);
                return new Attempt<bool>(left.Count == 0, Failed: left.Count > 0);
            }, _stop.Token);
        }
        catch (Exception e)
        {
            problem = e.Message;
        }

        foreach (var entry in left)
        {
            await Complete(entry, () => _deadLetters.Undeliverable(entry.Message, problem, _stop.Token));
        }
    }

    private static async Task Complete(Entry entry, Func<Task> how)
    {
        try
        {
            await how();
            entry.Done.TrySetResult();
        }
        catch (Exception e)
        {
            entry.Done.TrySetException(e);

            // Nobody may be waiting any more.
            _ = entry.Done.Task.Exception;
        }
    }

    /// <summary>The entries that the app has not taken.</summary>
    private async Task<List<Entry>> Ask(string path, List<Entry> entries, CancellationToken stop)
    {
        using var span = _telemetry.StartDelivery($"pubsub/{_spec.Topic}", entries[0].Routed.TraceParent, entries[0].Routed.TraceState);
        using var request = new HttpRequestMessage(HttpMethod.Post, _app.At(GoPath.Escape(GoPath.Clean(path)))) { Content = new ReadOnlyMemoryContent(Body(entries)) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        request.Headers.TryAddWithoutValidation("pubsubname", _spec.PubSubName);
        Telemetry.Propagate(span, null, null, request.Headers);
        using var response = await _app.Send(request, stop);
        Telemetry.End(span, (int)response.StatusCode);
        if (response.StatusCode == HttpStatusCode.NotFound)
        {
            entries.ForEach(entry => entry.Done.TrySetResult());
            return [];
        }

        var answers = response.IsSuccessStatusCode ? Answers(await response.Content.ReadAsByteArrayAsync(stop)) : [];
        var left = new List<Entry>();
        foreach (var entry in entries)
        {
            switch (answers.GetValueOrDefault(entry.Id, DeliveryAnswer.Retry))
            {
                case DeliveryAnswer.Success:
                    entry.Done.TrySetResult();
                    break;
                case DeliveryAnswer.Drop:
                    await Complete(entry, () => _deadLetters.Drop(entry.Message, $"the app said so at {path}", stop));
                    break;
                default:
                    left.Add(entry);
                    break;
            }
        }

        return left;
    }

    private byte[] Body(List<Entry> entries)
    {
        using var buffer = new MemoryStream();
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartObject();
        json.WriteStartArray("entries"u8);
        foreach (var entry in entries)
        {
            json.WriteStartObject();
            json.WriteString("contentType"u8, _spec.RawPayload == true ? "application/octet-stream" : CloudEvents.ContentType);
            json.WriteString("entryId"u8, entry.Id);
            json.WritePropertyName("event"u8);
            if (_spec.RawPayload == true)
            {
                json.WriteBase64StringValue(entry.Message.Data.Span);
            }
            else
            {
                json.WriteRawValue(entry.Routed.Body.Span, skipInputValidation: true);
            }

            WriteMetadata(json, entry.Message.Metadata);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteString("id"u8, Guid.NewGuid().ToString());
        WriteMetadata(json, new Dictionary<string, string> { ["pubsubName"] = _spec.PubSubName });
        json.WriteString("pubsubname"u8, _spec.PubSubName);
        json.WriteString("topic"u8, _spec.Topic);
        json.WriteString("type"u8, "com.dapr.event.sent.bulk"u8);
        json.WriteEndObject();
        json.Flush();
        return buffer.ToArray();
    }

    private static void WriteMetadata(Utf8JsonWriter json, IReadOnlyDictionary<string, string> metadata)
    {
        json.WritePropertyName("metadata"u8);
        if (metadata.Count == 0)
        {
            json.WriteNullValue();
            return;
        }

        json.WriteStartObject();
        foreach (var (name, value) in metadata)
        {
            json.WriteString(name, value);
        }

        json.WriteEndObject();
    }

    /// <summary>By entry id. A body that does not parse answers for none, so that all come again.</summary>
    private static Dictionary<string, DeliveryAnswer> Answers(byte[] body)
    {
        var answers = new Dictionary<string, DeliveryAnswer>();
        try
        {
            using var document = JsonDocument.Parse(body);
            if (document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("statuses", out var statuses) && statuses.ValueKind == JsonValueKind.Array)
            {
                foreach (var status in statuses.EnumerateArray().Where(status => status.ValueKind == JsonValueKind.Object))
                {
                    // Unlike for a single event, no status at all is no success.
                    answers[Text(status, "entryId") ?? ""] = Text(status, "status") is { Length: > 0 } text ? DeliveryAnswers.Read(text) : DeliveryAnswer.Retry;
                }
            }
        }
        catch (JsonException)
        {
            // None.
        }

        return answers;
    }

    private static string? Text(JsonElement item, string name) => item.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;
}
