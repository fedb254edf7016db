using System.Buffers;
using System.Text.Json;
using Lavka.Sidecar.PubSub;
using Lavka.Sidecar.Resources;
using Lavka.Sidecar.State;
using Microsoft.Extensions.Primitives;

namespace Lavka.Sidecar.Http;

/// <summary><c>/v1.0/state</c> (Dapr: reference/api/state_api).</summary>
internal sealed class StateApi(StateManagement state)
{
    /// <summary>False when this is no state request.</summary>
    public async ValueTask<bool> TryHandle(ApiRequest request, bool alpha)
    {
        var segments = request.Segments.Length;
        if (alpha)
        {
            return segments == 4 && request.Segments[3] == "query" && request.IsPostOrPut ? throw StateManagement.CannotQuery(state.Find(request.Segment(2))) : false;
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

    private LoadedStateStore Store(ApiRequest request) => state.Find(request.Segment(2), tellsApp: true);

    private async ValueTask Get(ApiRequest request, LoadedStateStore store)
    {
        if (await state.Get(store, request.Segment(3), request.Stop) is not { } item)
        {
            request.Nothing();
            return;
        }

        request.Http.Response.Headers.ETag = item.ETag.Length > 0 ? item.ETag : default(StringValues);
        if (item.Expires is { } expires)
        {
            request.Http.Response.Headers["metadata.ttlExpireTime"] = CloudEvents.Rfc3339(expires);
        }

        await request.Answer(item.Value);
    }

    private async ValueTask Save(ApiRequest request, LoadedStateStore store)
    {
        using var body = await request.Json(prefix: "");
        var items = StateBody.Items(body.RootElement);
        if (items.Exists(item => item.Key.Length == 0))
        {
            throw ApiException.Malformed("\"key\" is a required field");
        }

        await state.Save(store, items, request.Metadata(), request.Stop);
        request.Nothing();
    }

    private async ValueTask Delete(ApiRequest request, LoadedStateStore store)
    {
        var etag = request.Http.Request.Headers.IfMatch.ToString();
        var query = request.Http.Request.Query;
        await state.Delete(store, new()
        {
            Key = request.Segment(3),
            ETag = etag.Length == 0 ? null : etag,
            Concurrency = query["concurrency"],
            Consistency = query["consistency"],
        }, request.Stop);
        request.Nothing();
    }

    private async ValueTask BulkGet(ApiRequest request, LoadedStateStore store)
    {
        using var body = await request.Json();
        var keys = StateBody.Keys(body.RootElement);
        var items = await state.GetBulk(store, keys, request.Stop);
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
                if (item.ETag.Length > 0)
                {
                    json.WriteString("etag"u8, item.ETag);
                }

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

        // Go's encoder ends with a line break.
        buffer.Write("\n"u8);
        await request.Answer(buffer.WrittenMemory);
    }

    private async ValueTask Transact(ApiRequest request, LoadedStateStore store)
    {
        using var body = await request.Json();
        await state.Transact(store, StateBody.Operations(body.RootElement), request.Metadata(), request.TraceContext, request.Stop);
        request.Nothing();
    }
}
