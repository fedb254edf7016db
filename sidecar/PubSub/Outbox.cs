using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lavka.Sidecar.Resources;
using Lavka.Sidecar.State;

namespace Lavka.Sidecar.PubSub;

/// <summary>One upsert of a transaction, for the outbox.</summary>
/// <param name="Key">The key as stored.</param>
/// <param name="Value">What is saved.</param>
/// <param name="IsBinary">Whether that is a caller's bytes, and not JSON that was read.</param>
/// <param name="Metadata">The operation's metadata.</param>
/// <param name="ContentType">The operation's content type, or null.</param>
internal sealed record OutboxItem(string Key, byte[] Value, bool IsBinary, IReadOnlyDictionary<string, string> Metadata, string? ContentType)
{
    /// <param name="item">The upsert.</param>
    /// <param name="key">Its key as stored.</param>
    /// <param name="request">The metadata of the transaction as a whole, which comes before the operation's.</param>
    public static OutboxItem Of(StateRequest item, string key, IReadOnlyDictionary<string, string> request)
    {
        var metadata = new Dictionary<string, string>(item.Metadata);
        foreach (var (name, value) in request)
        {
            metadata[name] = value;
        }

        return new(key, item.Value, item.IsBinary, metadata, item.ContentType);
    }
}

/// <summary>
/// Dapr's transactional outbox: every upsert of a transaction is published as an event, if and only if the transaction succeeds. The event first goes to an internal
/// topic, with a marker in the transaction; whoever takes it from there passes it on once the marker is in the store
/// (Dapr: developing-applications/building-blocks/state-management/howto-outbox). daprd waits a second before each look; this one looks at once.
/// </summary>
internal sealed partial class Outbox(Components components, Publisher publisher, SidecarOptions options) : IAsyncDisposable
{
    // How long daprd looks for the marker before it puts the event off.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    // No transaction takes so long: what has none by then has been told already, or is of one that failed.
    private static readonly TimeSpan LongestTransaction = TimeSpan.FromHours(1);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);
    private static readonly JsonSerializerOptions Compact = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly ILogger _log = options.Logs.CreateLogger<Outbox>();
    private readonly List<(LoadedStateStore Store, LoadedPubSub PubSub, IAsyncDisposable Subscription)> _relays = [];

    /// <summary>Takes up the internal topics of the stores there are now.</summary>
    public async Task Follow(CancellationToken stop)
    {
        foreach (var relay in _relays.Where(relay => !IsLoaded(relay.Store, relay.PubSub)).ToList())
        {
            _relays.Remove(relay);
            await relay.Subscription.DisposeAsync();
        }

        foreach (var store in components.StateStores.Values.Where(store => store.Outbox is not null && _relays.All(relay => relay.Store != store)))
        {
            if (!components.PubSubs.TryGetValue(store.Outbox!.InternalPubSub, out var pubSub))
            {
                LogNoPubSub(store.Outbox.InternalPubSub, store.Name);
                continue;
            }

            _relays.Add((store, pubSub, await pubSub.Broker.Subscribe(new(InternalTopic(store.Outbox), pubSub.Consumer, Message.NoMetadata), (message, left) => Relay(store, store.Outbox, message, left), stop)));
        }
    }

    /// <summary>Puts the events on their way; answers the markers that the transaction is to contain, and without the operations that are only projections.</summary>
    public async Task<List<StateOperation>> Announce(
        LoadedStateStore store, OutboxSpec outbox, List<StateOperation> operations, IReadOnlyList<OutboxItem> items, string traceParent, string traceState, CancellationToken stop)
    {
        var projections = items.Where(IsProjection).GroupBy(item => item.Key).ToDictionary(same => same.Key, same => same.Last());
        var projected = items.Where(IsProjection).Select(item => items.ToList().IndexOf(item)).ToHashSet();
        var upserts = 0;
        var result = operations.Where(operation => operation.Value is null || !projected.Contains(upserts++)).ToList();
        foreach (var item in items.Where(item => !IsProjection(item)))
        {
            var marker = $"outbox-{Guid.NewGuid()}";
            var source = projections.GetValueOrDefault(item.Key) ?? item;
            var contentType = source.ContentType ?? source.Metadata.GetValueOrDefault("contentType");
            var envelope = new JsonObject
            {
                ["id"] = marker,
                ["source"] = options.AppId,
                ["type"] = "com.dapr.event.sent",
                ["specversion"] = "1.0",
                ["datacontenttype"] = string.IsNullOrEmpty(contentType) ? "text/plain" : contentType,
                ["topic"] = "",
                ["pubsubname"] = outbox.InternalPubSub,
                ["traceid"] = traceParent,
                ["traceparent"] = "",
                ["tracestate"] = traceState,
                ["time"] = CloudEvents.Rfc3339(options.Time.GetUtcNow()),
            };
            AddData(envelope, source, contentType);
            foreach (var (name, value) in item.Metadata.Where(pair => pair.Key is not ("data" or "id")))
            {
                envelope[name] = value;
            }

            await publisher.Send(outbox.InternalPubSub, [new(InternalTopic(outbox), Bytes(envelope), Message.NoMetadata)], stop);
            result.Add(new(marker, "\"0\""u8.ToArray()));
        }

        return result;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (_, _, subscription) in _relays)
        {
            await subscription.DisposeAsync();
        }
    }

    /// <summary>The data as daprd's envelope has any payload: JSON, base64 or text, as the content type says.</summary>
    private static void AddData(JsonObject envelope, OutboxItem item, string? contentType)
    {
        var payload = item.IsBinary || "application/json".Equals(contentType, StringComparison.OrdinalIgnoreCase) ? item.Value : Encoding.UTF8.GetBytes(GoText(item.Value));
        if (CloudEvents.IsBinary(contentType))
        {
            envelope["data_base64"] = Convert.ToBase64String(payload);
            return;
        }

        try
        {
            envelope["data"] = CloudEvents.IsJson(contentType) ? JsonNode.Parse(payload) : Encoding.UTF8.GetString(payload);
        }
        catch (JsonException)
        {
            envelope["data"] = Encoding.UTF8.GetString(payload);
        }
    }

    private static bool IsProjection(OutboxItem item) => item.Metadata.GetValueOrDefault("outbox.projection") is { } value && YamlNodes.IsTrue(value);

    private static byte[] Bytes(JsonObject envelope) => Encoding.UTF8.GetBytes(envelope.ToJsonString(Compact));

    private string InternalTopic(OutboxSpec outbox) => $"{options.Namespace}{options.AppId}{outbox.Topic}outbox";

    private bool IsLoaded(LoadedStateStore store, LoadedPubSub pubSub) =>
        components.StateStores.GetValueOrDefault(store.Name) == store && components.PubSubs.GetValueOrDefault(pubSub.Name) == pubSub;

    private async Task Relay(LoadedStateStore store, OutboxSpec outbox, Message message, CancellationToken stop)
    {
        if (JsonNode.Parse(message.Data.Span) is not JsonObject envelope || (string?)envelope["id"] is not { } marker)
        {
            throw new DeliveryException("an event of the outbox is no CloudEvent");
        }

        var age = options.Time.GetUtcNow() - (DateTimeOffset.TryParse((string?)envelope["time"], CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : DateTimeOffset.MinValue);
        if (!await HasHappened(store, marker, Patience - age, stop))
        {
            var discarded = outbox.DiscardWhenMissing || age > LongestTransaction;
            LogMissing(store.Name, discarded ? "it is discarded" : "it is put off");
            if (!discarded)
            {
                // To the end of the topic: it must not hold up those behind it.
                await publisher.Send(outbox.InternalPubSub, [message with { Topic = InternalTopic(outbox) }], stop);
            }

            return;
        }

        envelope["topic"] = outbox.Topic;
        envelope["pubsubname"] = outbox.PubSub;
        await publisher.Send(outbox.PubSub, [new(outbox.Topic, Bytes(envelope), Message.NoMetadata)], stop);
        await store.Store.Apply([new(marker, null)], stop);
    }

    /// <summary>Whether the event's transaction has succeeded. It may be about to.</summary>
    private async Task<bool> HasHappened(LoadedStateStore store, string marker, TimeSpan patience, CancellationToken stop)
    {
        var started = options.Time.GetTimestamp();
        for (var pause = patience > TimeSpan.Zero ? FirstPause : LongestPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            if ((await store.Store.Get([marker], stop))[0] is not null)
            {
                return true;
            }

            await Task.Delay(pause, options.Time, stop);
            if (options.Time.GetElapsedTime(started) > patience)
            {
                return false;
            }
        }
    }

    private static string GoText(byte[] json)
    {
        using var value = JsonDocument.Parse(json);
        return GoText(value.RootElement);
    }

    /// <summary>A value as Go's <c>%v</c> prints it: that is what daprd publishes of a value without a JSON content type.</summary>
    internal static string GoText(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => $"map[{string.Join(' ', value.EnumerateObject().OrderBy(member => member.Name, StringComparer.Ordinal).Select(member => $"{member.Name}:{GoText(member.Value)}"))}]",
        JsonValueKind.Array => $"[{string.Join(' ', value.EnumerateArray().Select(GoText))}]",
        JsonValueKind.String => value.GetString()!,
        JsonValueKind.Number => GoJson.Shortest(value.GetDouble()),
        JsonValueKind.True => "true",
        JsonValueKind.False => "false",
        _ => "<nil>",
    };

    [LoggerMessage(Level = LogLevel.Warning, Message = "The outbox pub/sub component '{PubSub}' of state store '{Store}' is not loaded")]
    private partial void LogNoPubSub(string pubSub, string store);

    [LoggerMessage(Level = LogLevel.Error, Message = "An event of the outbox of state store '{Store}' has no transaction; {Consequence}")]
    private partial void LogMissing(string store, string consequence);
}
