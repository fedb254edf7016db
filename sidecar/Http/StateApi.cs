using System.Buffers;
using System.Diagnostics;
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
        List<StateRequest> items = body.RootElement.ValueKind switch
        {
            JsonValueKind.Array => [.. body.RootElement.EnumerateArray().Select(StateRequest.Read)],
            JsonValueKind.Null => [],
            _ => throw GoMember.Mismatch(body.RootElement, "a list of state items"),
        };
        var keys = items.ConvertAll(item => StoredKey(store, item.Key.Length == 0 ? throw ApiException.Malformed("\"key\" is a required field") : item.Key));

        // As in daprd, each item stands for itself: one that fails does not keep the others from being saved.
        var failures = items.Count == 1
            ? [await Save(store, keys[0], items[0], metadata, request)]
            : await Task.WhenAll(items.Zip(keys, (item, key) => Save(store, key, item, metadata, request)));
        if (failures.OfType<Exception>().ToList() is { Count: > 0 } failed)
        {
            var conflict = failed.OfType<ETagMismatchException>().FirstOrDefault();
            throw new ApiException(conflict is null ? 500 : 409, "ERR_STATE_SAVE",
                $"failed saving state in state store {store.Name}: {conflict?.Message ?? string.Join('\n', failed.Select(e => e.Message))}");
        }

        request.Nothing();
    }

    /// <summary>Null, or why the item is not saved.</summary>
    private async Task<Exception?> Save(LoadedStateStore store, string key, StateRequest item, Dictionary<string, string> metadata, ApiRequest request)
    {
        try
        {
            await Apply(store, "set", [item.Upsert(key, metadata)], request.Stop);
            return null;
        }
        catch (Exception e) when (IsFailure(e, request))
        {
            return e;
        }
    }

    private async ValueTask Delete(ApiRequest request, LoadedStateStore store)
    {
        var key = request.Segment(3);
        var stored = StoredKey(store, key);
        var etag = request.Http.Request.Headers.IfMatch.ToString();
        var query = request.Http.Request.Query;
        try
        {
            await Apply(store, "delete", [new(stored, null, etag.Length == 0 ? null : etag, StateRequest.FirstWrite(query["concurrency"], query["consistency"]))], request.Stop);
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
        foreach (var member in body.RootElement.ValueKind switch
        {
            JsonValueKind.Object => body.RootElement.EnumerateObject(),
            JsonValueKind.Null => default,
            _ => throw GoMember.Mismatch(body.RootElement, "a bulk get"),
        })
        {
            if (GoMember.Is(member, "metadata"u8))
            {
                GoMember.Texts(member.Value);
            }
            else if (GoMember.Is(member, "parallelism"u8) && !(member.Value.ValueKind == JsonValueKind.Null || (member.Value.ValueKind == JsonValueKind.Number && member.Value.TryGetInt64(out _))))
            {
                throw GoMember.Mismatch(member.Value, "the field parallelism of type int");
            }
            else if (GoMember.Is(member, "keys"u8) && member.Value.ValueKind != JsonValueKind.Null)
            {
                keys.AddRange((member.Value.ValueKind == JsonValueKind.Array ? member.Value.EnumerateArray() : throw GoMember.Mismatch(member.Value, "the field keys of type []string"))
                    .Select(key => key.ValueKind == JsonValueKind.String ? key.GetString()! : throw GoMember.Mismatch(key, "a key of type string")));
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

        // Go reads the whole body before it looks at what the operations say.
        foreach (var (isUpsert, item) in Operations(body.RootElement))
        {
            var key = StoredKey(store, item.Key);
            try
            {
                operations.Add(isUpsert ? item.Upsert(key, metadata) : item.Delete(key));
            }
            catch (StateOptionException e)
            {
                throw TransactionFailed(e.Message);
            }

            if (isUpsert)
            {
                events?.Add(item.Event(key, metadata));
            }
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

    private static List<(bool IsUpsert, StateRequest Item)> Operations(JsonElement body)
    {
        var operations = new List<(bool, StateRequest)>();
        foreach (var member in body.ValueKind switch
        {
            JsonValueKind.Object => body.EnumerateObject(),
            JsonValueKind.Null => default,
            _ => throw GoMember.Mismatch(body, "a transaction"),
        })
        {
            if (!GoMember.Is(member, "operations"u8) || member.Value.ValueKind == JsonValueKind.Null)
            {
                continue;
            }

            foreach (var item in member.Value.ValueKind == JsonValueKind.Array ? member.Value.EnumerateArray() : throw GoMember.Mismatch(member.Value, "a list of operations"))
            {
                operations.Add(Operation(item));
            }
        }

        return operations;
    }

    private static (bool IsUpsert, StateRequest Item) Operation(JsonElement item)
    {
        var operation = "";
        JsonElement request = default;
        foreach (var member in item.ValueKind == JsonValueKind.Object ? item.EnumerateObject() : throw GoMember.Mismatch(item, "an operation"))
        {
            if (GoMember.Is(member, "operation"u8))
            {
                operation = GoMember.Text(member);
            }
            else if (GoMember.Is(member, "request"u8))
            {
                request = member.Value;
            }
        }

        return operation is "upsert" or "delete"
            ? (operation == "upsert", StateRequest.Read(request))
            : throw new ApiException(400, "ERR_NOT_SUPPORTED_STATE_OPERATION", $"operation type {operation} not supported");
    }

    private static ApiException TransactionFailed(string problem) => new(500, "ERR_STATE_TRANSACTION", $"error while executing state transaction: {problem}");

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
