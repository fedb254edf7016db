using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.PubSub;
using Lavka.Sidecar.Resiliency;
using Lavka.Sidecar.Resources;
using Lavka.Sidecar.State;

namespace Lavka.Sidecar.Http;

/// <summary><c>/v1.0/state</c> (Dapr: reference/api/state_api).</summary>
internal sealed class StateApi(Components components, ResiliencyPolicies policies, Outbox outbox, Telemetry telemetry, string appId)
{
    // A date ends before Go's durations do.
    private const long MostSeconds = 200L * 365 * 24 * 3600;

    /// <summary>False when this is no state request.</summary>
    public async ValueTask<bool> TryHandle(ApiRequest request, bool alpha)
    {
        var segments = request.Segments.Length;
        if (alpha)
        {
            if (segments == 4 && request.Segments[3] == "query" && request.IsPostOrPut)
            {
                var name = Store(request).Name;
                throw ApiException.Detailed(500, "ERR_STATE_STORE_NOT_SUPPORTED", "state store does not support querying",
                    "DAPR_STATE_QUERYING_NOT_SUPPORTED", null, ApiException.Resource("state", name));
            }

            return false;
        }

        switch (segments, request.Method)
        {
            case (3, "POST" or "PUT"):
                await Save(request, Store(request));
                return true;
            case (4, "POST" or "PUT") when request.Segments[3] == "bulk":
                await BulkGet(request, Store(request));
                return true;
            case (4, "POST" or "PUT") when request.Segments[3] == "transaction":
                await Transact(request, Store(request));
                return true;
            case (4, "GET"):
                await Get(request, Store(request));
                return true;
            case (4, "DELETE"):
                await Delete(request, Store(request));
                return true;
            default:
                return false;
        }
    }

    private LoadedStateStore Store(ApiRequest request)
    {
        var name = request.Segment(2);
        return components.StateStores.TryGetValue(name, out var store) ? store
            : components.StateStores.Count == 0
                ? throw ApiException.Detailed(500, "ERR_STATE_STORE_NOT_CONFIGURED", $"state store {name} is not configured", "DAPR_STATE_NOT_CONFIGURED", AppId())
                : throw ApiException.Detailed(400, "ERR_STATE_STORE_NOT_FOUND", $"state store {name} is not found", "DAPR_STATE_NOT_FOUND", AppId());

        JsonObject AppId() => new() { ["appID"] = appId };
    }

    private async ValueTask Get(ApiRequest request, LoadedStateStore store)
    {
        var key = request.Segment(3);
        var stored = StoredKey(store, key);
        StateItem? item;
        try
        {
            item = (await Run(store, "get", stop => store.Store.Get([stored], stop), request.Stop))[0];
        }
        catch (Exception e) when (IsFailure(e, request))
        {
            throw new ApiException(500, "ERR_STATE_GET", $"fail to get {key} from state store {store.Name}: {e.Message}");
        }

        if (item is null)
        {
            request.Nothing();
            return;
        }

        request.Http.Response.Headers.ETag = item.ETag;
        if (item.Expires is { } expires)
        {
            request.Http.Response.Headers["metadata.ttlExpireTime"] = CloudEvents.Rfc3339(expires);
        }

        await request.Answer(item.Value);
    }

    private async ValueTask Save(ApiRequest request, LoadedStateStore store)
    {
        using var body = await request.Json(prefix: "");
        var metadata = request.Metadata();
        List<JsonElement> items = body.RootElement.ValueKind switch
        {
            JsonValueKind.Array => [.. body.RootElement.EnumerateArray()],
            JsonValueKind.Null => [],
            _ => throw ApiException.Malformed($"json: cannot unmarshal {Kind(body.RootElement)} into a list of state items"),
        };

        // Go reads the whole body before anything is done with it.
        items.ForEach(CheckTypes);
        foreach (var item in items)
        {
            var key = item.ValueKind == JsonValueKind.Object ? Text(item, "key") : null;
            StoredKey(store, string.IsNullOrEmpty(key) ? throw ApiException.Malformed("\"key\" is a required field") : key);
        }

        // As in daprd, each item stands for itself: one that fails does not keep the others from being saved.
        var failures = await Task.WhenAll(items.Select(item => Save(store, item, metadata, request)));
        if (failures.OfType<Exception>().ToList() is { Count: > 0 } failed)
        {
            var conflict = failed.OfType<ETagMismatchException>().FirstOrDefault();
            throw new ApiException(conflict is null ? 500 : 409, "ERR_STATE_SAVE",
                $"failed saving state in state store {store.Name}: {conflict?.Message ?? string.Join('\n', failed.Select(e => e.Message))}");
        }

        request.Nothing();
    }

    /// <summary>Null, or why the item is not saved.</summary>
    private async Task<Exception?> Save(LoadedStateStore store, JsonElement item, Dictionary<string, string> metadata, ApiRequest request)
    {
        try
        {
            await Apply(store, "set", [Upsert(store, item, Text(item, "key")!, metadata, problem => new StateOptionException(problem))], request.Stop);
            return null;
        }
        catch (Exception e) when (IsFailure(e, request))
        {
            return e;
        }
    }

    /// <summary>An option of a state operation that there is not.</summary>
    private sealed class StateOptionException(string message) : Exception(message);

    private async ValueTask Delete(ApiRequest request, LoadedStateStore store)
    {
        var key = request.Segment(3);
        var stored = StoredKey(store, key);
        var etag = request.Http.Request.Headers.IfMatch.ToString();
        var query = request.Http.Request.Query;
        var firstWrite = FirstWrite(query["concurrency"], query["consistency"], problem => Failed(500, problem));
        try
        {
            await Apply(store, "delete", [new(stored, null, etag.Length == 0 ? null : etag, firstWrite)], request.Stop);
        }
        catch (Exception e) when (IsFailure(e, request))
        {
            throw Failed(e is ETagMismatchException ? 409 : 500, e.Message);
        }

        request.Nothing();

        ApiException Failed(int status, string problem) => new(status, "ERR_STATE_DELETE", $"failed deleting state with key {key}: {problem}");
    }

    private async ValueTask BulkGet(ApiRequest request, LoadedStateStore store)
    {
        using var body = await request.Json();
        var keys = new List<string>();
        if (body.RootElement.ValueKind is not (JsonValueKind.Object or JsonValueKind.Null))
        {
            throw ApiException.Malformed($"failed deserializing HTTP body: json: cannot unmarshal {Kind(body.RootElement)} into a bulk get");
        }

        if (body.RootElement.ValueKind == JsonValueKind.Object)
        {
            CheckStrings(body.RootElement, "metadata");
            if (Find(body.RootElement, "parallelism") is { } parallelism && !(parallelism.ValueKind == JsonValueKind.Null || (parallelism.ValueKind == JsonValueKind.Number && parallelism.TryGetInt64(out _))))
            {
                throw ApiException.Malformed($"failed deserializing HTTP body: json: cannot unmarshal {Kind(parallelism)} into the field parallelism of type int");
            }

            if (Find(body.RootElement, "keys") is { ValueKind: not JsonValueKind.Null } list)
            {
                keys.AddRange((list.ValueKind == JsonValueKind.Array ? list.EnumerateArray() : throw ApiException.Malformed("failed deserializing HTTP body: keys is not a list"))
                    .Select(key => key.ValueKind == JsonValueKind.String ? key.GetString()! : throw ApiException.Malformed("failed deserializing HTTP body: a key is not a string")));
            }
        }

        StateItem?[] items;
        try
        {
            var stored = keys.Select(key => StoredKey(store, key)).ToList();
            items = stored.Count == 0 ? [] : await Run(store, "bulk_get", stop => store.Store.Get(stored, stop), request.Stop);
        }
        catch (Exception e) when (IsFailure(e, request))
        {
            throw new ApiException(500, "ERR_STATE_BULK_GET", e.Message);
        }

        var buffer = new ArrayBufferWriter<byte>(256 + items.Sum(item => item?.Value.Length ?? 0));
        using var json = new Utf8JsonWriter(buffer, new() { SkipValidation = true });
        json.WriteStartArray();
        for (var i = 0; i < items.Length; i++)
        {
            json.WriteStartObject();
            json.WriteString("key"u8, keys[i]);
            if (items[i] is { } item)
            {
                json.WritePropertyName("data"u8);
                json.WriteRawValue(item.Value, skipInputValidation: true);
                json.WriteString("etag"u8, item.ETag);
                if (item.Expires is { } expires)
                {
                    json.WriteStartObject("metadata"u8);
                    json.WriteString("ttlExpireTime"u8, CloudEvents.Rfc3339(expires));
                    json.WriteEndObject();
                }
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.Flush();
        await request.Answer(buffer.WrittenMemory);
    }

    private async ValueTask Transact(ApiRequest request, LoadedStateStore store)
    {
        using var body = await request.Json();
        var metadata = request.Metadata();
        var operations = new List<StateOperation>();
        List<OutboxItem>? events = store.Outbox is null ? null : [];
        if (body.RootElement.ValueKind == JsonValueKind.Object && Find(body.RootElement, "operations") is { ValueKind: not JsonValueKind.Null } list)
        {
            var items = list.ValueKind == JsonValueKind.Array ? list.EnumerateArray().ToList() : throw ApiException.Malformed("failed deserializing HTTP body: operations is not a list");
            items.ForEach(CheckOperation);
            foreach (var item in items)
            {
                var operation = Operation(store, item, metadata);
                operations.Add(operation);
                if (events is not null && operation.Value is not null)
                {
                    events.Add(Event(operation.Key, Find(item, "request") is { ValueKind: JsonValueKind.Object } given ? given : Empty, metadata));
                }
            }
        }
        else if (body.RootElement.ValueKind is not (JsonValueKind.Object or JsonValueKind.Null))
        {
            throw ApiException.Malformed($"failed deserializing HTTP body: json: cannot unmarshal {Kind(body.RootElement)} into a transaction");
        }

        if (events is { Count: > 0 })
        {
            operations = await Announce(store, operations, events, request);
        }

        if (operations.Count > 0)
        {
            try
            {
                await Apply(store, "transaction", operations, request.Stop);
            }
            catch (Exception e) when (IsFailure(e, request))
            {
                throw TransactionFailed(e.Message);
            }
        }

        request.Nothing();
    }

    private async Task<List<StateOperation>> Announce(LoadedStateStore store, List<StateOperation> operations, List<OutboxItem> events, ApiRequest request)
    {
        try
        {
            var (traceParent, traceState) = request.Trace is null ? ("", "") : request.TraceContext;
            return await outbox.Announce(store, store.Outbox!, operations, events, traceParent, traceState, request.Stop);
        }
        catch (ApiException e)
        {
            throw ApiException.Detailed(500, "ERR_PUBLISH_OUTBOX", $"error while publishing outbox message: {e.Message}", "DAPR_PUBSUB_OUTBOX",
                new() { ["appID"] = appId, ["error"] = e.Message });
        }
    }

    private static OutboxItem Event(string key, JsonElement operation, Dictionary<string, string> query)
    {
        var metadata = Find(operation, "metadata") is { ValueKind: JsonValueKind.Object } own
            ? own.EnumerateObject().ToDictionary(member => member.Name, member => member.Value.ToString())
            : [];
        foreach (var (name, value) in query)
        {
            metadata[name] = value;
        }

        return new(key, Find(operation, "value") ?? Null, metadata, Text(operation, "contentType"));
    }

    private static readonly JsonElement Null = JsonDocument.Parse("null").RootElement;

    /// <summary>What Go finds wrong when it reads the body, before it looks at what the operations say.</summary>
    private static void CheckOperation(JsonElement item)
    {
        if (item.ValueKind != JsonValueKind.Object)
        {
            throw ApiException.Malformed($"failed deserializing HTTP body: json: cannot unmarshal {Kind(item)} into an operation");
        }

        if (Text(item, "operation") is not ("upsert" or "delete") and var operation)
        {
            throw new ApiException(400, "ERR_NOT_SUPPORTED_STATE_OPERATION", $"operation type {operation} not supported");
        }

        CheckTypes(Find(item, "request") ?? default);
    }

    private static StateOperation Operation(LoadedStateStore store, JsonElement item, Dictionary<string, string> metadata)
    {
        // A request that is missing is one for the empty key.
        var request = Find(item, "request") is { ValueKind: JsonValueKind.Object } given ? given : Empty;
        var key = Text(request, "key") ?? "";
        return Text(item, "operation") == "upsert"
            ? Upsert(store, request, key, metadata, TransactionFailed)
            : new(StoredKey(store, key), null, ETag(request), Option(Find(request, "options") ?? default, "concurrency") == "first-write");
    }

    private static readonly JsonElement Empty = JsonDocument.Parse("{}").RootElement;

    /// <summary>Whether an item's members have the types they must have.</summary>
    private static void CheckTypes(JsonElement item)
    {
        if (item.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined)
        {
            return;
        }

        if (item.ValueKind != JsonValueKind.Object)
        {
            throw ApiException.Malformed($"json: cannot unmarshal {Kind(item)} into a state item");
        }

        foreach (var name in new[] { "key", "etag", "contentType" })
        {
            Text(item, name);
        }

        CheckStrings(item, "metadata");
        if (Find(item, "options") is { ValueKind: not JsonValueKind.Null } options)
        {
            if (options.ValueKind != JsonValueKind.Object)
            {
                throw ApiException.Malformed($"json: cannot unmarshal {Kind(options)} into the field options");
            }

            Text(options, "concurrency");
            Text(options, "consistency");
        }
    }

    private static void CheckStrings(JsonElement item, string name)
    {
        if (Find(item, name) is not { ValueKind: not JsonValueKind.Null } map)
        {
            return;
        }

        if (map.ValueKind != JsonValueKind.Object || map.EnumerateObject().Any(member => member.Value.ValueKind is not (JsonValueKind.String or JsonValueKind.Null)))
        {
            throw ApiException.Malformed($"json: cannot unmarshal {Kind(map)} into the field {name} of type map[string]string");
        }
    }

    private static ApiException TransactionFailed(string problem) => new(500, "ERR_STATE_TRANSACTION", $"error while executing state transaction: {problem}");

    private static StateOperation Upsert(LoadedStateStore store, JsonElement item, string key, Dictionary<string, string> query, Func<string, Exception> failed)
    {
        var options = Find(item, "options") ?? default;
        var firstWrite = FirstWrite(Option(options, "concurrency"), Option(options, "consistency"), failed);
        var value = Find(item, "value") is { } json ? GoJson.Normalise(json) : "null"u8.ToArray();
        return new(StoredKey(store, key), value, ETag(item), firstWrite, Ttl(item, query, failed));
    }

    private static TimeSpan? Ttl(JsonElement item, Dictionary<string, string> query, Func<string, Exception> failed)
    {
        var text = query.GetValueOrDefault("ttlInSeconds") ?? (Find(item, "metadata") is { ValueKind: JsonValueKind.Object } metadata ? Text(metadata, "ttlInSeconds") : null);
        return string.IsNullOrEmpty(text) ? null
            : !long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var seconds) ? throw failed($"ttlInSeconds: parsing \"{text}\": invalid syntax")
            : seconds > 0 ? TimeSpan.FromSeconds(Math.Min(seconds, MostSeconds))
            : null;
    }

    private static bool FirstWrite(string? concurrency, string? consistency, Func<string, Exception> failed) =>
        consistency is not (null or "" or "strong" or "eventual") ? throw failed($"unrecognized consistency model '{consistency}'")
        : concurrency is null or "" or "last-write" ? false
        : concurrency == "first-write" ? true
        : throw failed($"unrecognized concurrency model '{concurrency}'");

    private static string? Option(JsonElement options, string name) => options.ValueKind == JsonValueKind.Object ? Text(options, name) : null;

    private static string? ETag(JsonElement item) => Text(item, "etag") is { Length: > 0 } etag ? etag : null;

    /// <summary>A member, by name without regard to case, as Go reads JSON.</summary>
    private static JsonElement? Find(JsonElement item, string name)
    {
        if (item.TryGetProperty(name, out var exact))
        {
            return exact;
        }

        foreach (var member in item.EnumerateObject())
        {
            if (member.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return member.Value;
            }
        }

        return null;
    }

    private static string? Text(JsonElement item, string name) => Find(item, name) is not { } value || value.ValueKind == JsonValueKind.Null ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString()
        : throw ApiException.Malformed($"json: cannot unmarshal {Kind(value)} into the field {name} of type string");

    private static string Kind(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => "object",
        JsonValueKind.Array => "array",
        JsonValueKind.String => "string",
        JsonValueKind.Number => "number",
        JsonValueKind.Null => "null",
        _ => "bool",
    };

    private static string StoredKey(LoadedStateStore store, string key)
    {
        if (!key.Contains(KeyPrefix.Separator, StringComparison.Ordinal))
        {
            return store.Prefix.Apply(key);
        }

        var message = $"api error: code = InvalidArgument desc = input key/keyPrefix '{key}' can't contain '||'";
        throw ApiException.Detailed(400, "ERR_MALFORMED_REQUEST", message, "DAPR_STATE_ILLEGAL_KEY", null, ApiException.Resource("state", store.Name), new()
        {
            ["@type"] = "type.googleapis.com/google.rpc.BadRequest",
            ["field_violations"] = new JsonArray(new JsonObject { ["description"] = message, ["field"] = key }),
        });
    }

    private async ValueTask Apply(LoadedStateStore store, string operation, IReadOnlyList<StateOperation> operations, CancellationToken stop) => await Run(store, operation, async token =>
    {
        await store.Store.Apply(operations, token);
        return true;
    }, stop);

    private ValueTask<T> Run<T>(LoadedStateStore store, string operation, Func<CancellationToken, ValueTask<T>> call, CancellationToken stop)
    {
        var run = policies.Outbound(store.Name, "Statestore").RunOrThrow(call, stop);
        return telemetry.Metrics is null ? run : Counted();

        async ValueTask<T> Counted()
        {
            var started = Stopwatch.GetTimestamp();
            var succeeded = false;
            try
            {
                var result = await run;
                succeeded = true;
                return result;
            }
            finally
            {
                telemetry.Metrics.Component("state", store.Name, operation, succeeded, Stopwatch.GetElapsedTime(started));
            }
        }
    }

    private static bool IsFailure(Exception e, ApiRequest request) => e is not ApiException && !request.Stop.IsCancellationRequested;
}
