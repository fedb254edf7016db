using System.Buffers;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Dapr.Client;

/// <summary>The client over Dapr's HTTP API.</summary>
internal sealed class DaprClientHttp : DaprClient
{
    private static readonly MediaTypeHeaderValue Json = new("application/json");

    private readonly HttpClient _http;
    private readonly string _endpoint;
    private readonly string? _apiToken;

    public DaprClientHttp(Uri endpoint, string? apiToken, TimeSpan timeout, JsonSerializerOptions json)
    {
        _endpoint = endpoint.GetLeftPart(UriPartial.Authority);
        _apiToken = apiToken;
        JsonSerializerOptions = json;
        _http = new HttpClient(new SocketsHttpHandler { UseProxy = false, UseCookies = false }) { BaseAddress = new(_endpoint) };
        if (timeout > TimeSpan.Zero)
        {
            _http.Timeout = timeout;
        }

        if (apiToken is not null)
        {
            _http.DefaultRequestHeaders.TryAddWithoutValidation(DaprDefaults.ApiTokenHeader, apiToken);
        }
    }

    public override JsonSerializerOptions JsonSerializerOptions { get; }

    public override HttpClient CreateInvokableHttpClient(string? appId = null) => CreateInvokeHttpClient(appId, _endpoint, _apiToken);

    public override Task PublishEventAsync<TData>(string pubsubName, string topicName, TData data, CancellationToken cancellationToken = default) =>
        PublishEventAsync(pubsubName, topicName, data, [], cancellationToken);

    public override Task PublishEventAsync<TData>(string pubsubName, string topicName, TData data, Dictionary<string, string> metadata, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(metadata);
        return PublishByteEventAsync(pubsubName, topicName, JsonSerializer.SerializeToUtf8Bytes(data, JsonSerializerOptions), "application/json", metadata, cancellationToken);
    }

    public override async Task PublishByteEventAsync(
        string pubsubName, string topicName, ReadOnlyMemory<byte> data, string dataContentType = "application/json", Dictionary<string, string>? metadata = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(pubsubName);
        ArgumentException.ThrowIfNullOrEmpty(topicName);
        using var response = await Send(HttpMethod.Post, Path("publish", pubsubName, topicName) + Query(metadata),
            data, MediaTypeHeaderValue.Parse(dataContentType), "Publish", cancellationToken).ConfigureAwait(false);
        await Check(response, "Publish", cancellationToken).ConfigureAwait(false);
    }

    public override async Task<TValue> GetStateAsync<TValue>(
        string storeName, string key, ConsistencyMode? consistencyMode = null, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancellationToken = default) =>
        (await GetStateAndETagAsync<TValue>(storeName, key, consistencyMode, metadata, cancellationToken).ConfigureAwait(false)).value;

    public override async Task<(TValue value, string etag)> GetStateAndETagAsync<TValue>(
        string storeName, string key, ConsistencyMode? consistencyMode = null, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(storeName);
        ArgumentException.ThrowIfNullOrEmpty(key);
        var query = Query(metadata, consistencyMode is { } mode ? "consistency=" + Name(mode) : null);
        using var response = await Send(HttpMethod.Get, Path("state", storeName, key) + query, null, null, "State", cancellationToken).ConfigureAwait(false);
        await Check(response, "State", cancellationToken).ConfigureAwait(false);
        if (response.StatusCode == HttpStatusCode.NoContent)
        {
            return (default!, "");
        }

        var bytes = await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false);
        var etag = response.Headers.NonValidated.TryGetValues("ETag", out var values) ? values.First() : "";
        return (Deserialize<TValue>(bytes)!, etag);
    }

    public override async Task<IReadOnlyList<BulkStateItem<TValue>>> GetBulkStateAsync<TValue>(
        string storeName, IReadOnlyList<string> keys, int? parallelism, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(storeName);
        if (keys.Count == 0)
        {
            throw new ArgumentException("keys do not contain any elements", nameof(keys));
        }

        var body = Write(json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("keys"u8);
            foreach (var key in keys)
            {
                json.WriteStringValue(key);
            }

            json.WriteEndArray();
            if (parallelism is { } most)
            {
                json.WriteNumber("parallelism"u8, most);
            }

            json.WriteEndObject();
        });
        using var response = await Send(HttpMethod.Post, Path("state", storeName, "bulk") + Query(metadata), body, Json, "State", cancellationToken).ConfigureAwait(false);
        await Check(response, "State", cancellationToken).ConfigureAwait(false);
        using var answer = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false));
        return [.. answer.RootElement.EnumerateArray().Select(item => new BulkStateItem<TValue>(
            item.GetProperty("key").GetString()!,
            item.TryGetProperty("data", out var data) ? data.Deserialize<TValue>(JsonSerializerOptions)! : default!,
            item.TryGetProperty("etag", out var etag) ? etag.GetString()! : ""))];
    }

    public override async Task SaveStateAsync<TValue>(
        string storeName, string key, TValue value, StateOptions? stateOptions = null, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancellationToken = default)
    {
        using var response = await Save(storeName, key, value, null, stateOptions, metadata, cancellationToken).ConfigureAwait(false);
        await Check(response, "State", cancellationToken).ConfigureAwait(false);
    }

    public override async Task<bool> TrySaveStateAsync<TValue>(
        string storeName, string key, TValue value, string etag, StateOptions? stateOptions = null, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(etag);
        using var response = await Save(storeName, key, value, etag, stateOptions, metadata, cancellationToken).ConfigureAwait(false);
        return await CheckConflict(response, cancellationToken).ConfigureAwait(false);
    }

    public override async Task ExecuteStateTransactionAsync(
        string storeName, IReadOnlyList<StateTransactionRequest> operations, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(storeName);
        if (operations.Count == 0)
        {
            throw new ArgumentException("operations does not contain any elements", nameof(operations));
        }

        var body = Write(json =>
        {
            json.WriteStartObject();
            json.WriteStartArray("operations"u8);
            foreach (var operation in operations)
            {
                json.WriteStartObject();
                json.WriteString("operation"u8, operation.OperationType == StateOperationType.Delete ? "delete"u8 : "upsert"u8);
                json.WriteStartObject("request"u8);
                json.WriteString("key"u8, operation.Key);
                if (operation.Value is { } value)
                {
                    json.WritePropertyName("value"u8);
                    json.WriteRawValue(value);
                }

                WriteItem(json, operation.ETag, operation.Options, operation.Metadata);
                json.WriteEndObject();
                json.WriteEndObject();
            }

            json.WriteEndArray();
            WriteMetadata(json, metadata);
            json.WriteEndObject();
        });
        using var response = await Send(HttpMethod.Post, Path("state", storeName, "transaction"), body, Json, "State", cancellationToken).ConfigureAwait(false);
        await Check(response, "State", cancellationToken).ConfigureAwait(false);
    }

    public override async Task DeleteStateAsync(
        string storeName, string key, StateOptions? stateOptions = null, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancellationToken = default)
    {
        using var response = await Delete(storeName, key, "", stateOptions, metadata, cancellationToken).ConfigureAwait(false);
        await Check(response, "State", cancellationToken).ConfigureAwait(false);
    }

    public override async Task<bool> TryDeleteStateAsync(
        string storeName, string key, string etag, StateOptions? stateOptions = null, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(etag);
        using var response = await Delete(storeName, key, etag, stateOptions, metadata, cancellationToken).ConfigureAwait(false);
        return await CheckConflict(response, cancellationToken).ConfigureAwait(false);
    }

    public override async Task InvokeBindingAsync<TRequest>(
        string bindingName, string operation, TRequest data, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(bindingName);
        ArgumentException.ThrowIfNullOrEmpty(operation);
        var body = Write(json =>
        {
            json.WriteStartObject();
            json.WriteString("operation"u8, operation);
            json.WritePropertyName("data"u8);
            JsonSerializer.Serialize(json, data, JsonSerializerOptions);
            json.WritePropertyName("metadata"u8);
            JsonSerializer.Serialize(json, metadata ?? new Dictionary<string, string>());
            json.WriteEndObject();
        });
        using var response = await Send(HttpMethod.Post, Path("bindings", bindingName), body, Json, "Binding", cancellationToken).ConfigureAwait(false);
        await Check(response, "Binding", cancellationToken).ConfigureAwait(false);
    }

    public override async Task<Dictionary<string, string>> GetSecretAsync(
        string storeName, string key, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancellationToken = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(storeName);
        ArgumentException.ThrowIfNullOrEmpty(key);
        using var response = await Send(HttpMethod.Get, Path("secrets", storeName, key) + Query(metadata), null, null, "Secret", cancellationToken).ConfigureAwait(false);
        await Check(response, "Secret", cancellationToken).ConfigureAwait(false);
        return response.StatusCode == HttpStatusCode.NoContent
            ? []
            : JsonSerializer.Deserialize<Dictionary<string, string>>(await response.Content.ReadAsByteArrayAsync(cancellationToken).ConfigureAwait(false)) ?? [];
    }

    public override Task<bool> CheckHealthAsync(CancellationToken cancellationToken = default) => IsHealthy("/v1.0/healthz", cancellationToken);

    public override Task<bool> CheckOutboundHealthAsync(CancellationToken cancellationToken = default) => IsHealthy("/v1.0/healthz/outbound", cancellationToken);

    public override async Task WaitForSidecarAsync(CancellationToken cancellationToken = default)
    {
        while (!await CheckOutboundHealthAsync(cancellationToken).ConfigureAwait(false))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(500), cancellationToken).ConfigureAwait(false);
        }
    }

    protected override void Dispose(bool disposing) => _http.Dispose();

    private static string Path(string api, params ReadOnlySpan<string> parts)
    {
        var path = new StringBuilder("/v1.0/").Append(api);
        foreach (var part in parts)
        {
            path.Append('/').Append(Uri.EscapeDataString(part));
        }

        return path.ToString();
    }

    private static string Query(IReadOnlyDictionary<string, string>? metadata, params ReadOnlySpan<string?> more)
    {
        var query = new StringBuilder();
        foreach (var (name, value) in metadata ?? new Dictionary<string, string>())
        {
            query.Append(query.Length == 0 ? '?' : '&').Append("metadata.").Append(Uri.EscapeDataString(name)).Append('=').Append(Uri.EscapeDataString(value));
        }

        foreach (var pair in more)
        {
            if (pair is not null)
            {
                query.Append(query.Length == 0 ? '?' : '&').Append(pair);
            }
        }

        return query.ToString();
    }

    private static string Name(ConsistencyMode mode) => mode == ConsistencyMode.Strong ? "strong" : "eventual";

    private static string Name(ConcurrencyMode mode) => mode == ConcurrencyMode.FirstWrite ? "first-write" : "last-write";

    private static ReadOnlyMemory<byte> Write(Action<Utf8JsonWriter> write)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(buffer, new() { SkipValidation = true });
        write(json);
        json.Flush();
        return buffer.WrittenMemory;
    }

    private static void WriteItem(Utf8JsonWriter json, string? etag, StateOptions? options, IReadOnlyDictionary<string, string>? metadata)
    {
        if (etag is not null)
        {
            json.WriteString("etag"u8, etag);
        }

        if (options is not null)
        {
            json.WriteStartObject("options"u8);
            if (options.Concurrency is { } concurrency)
            {
                json.WriteString("concurrency"u8, Name(concurrency));
            }

            if (options.Consistency is { } consistency)
            {
                json.WriteString("consistency"u8, Name(consistency));
            }

            json.WriteEndObject();
        }

        WriteMetadata(json, metadata);
    }

    private static void WriteMetadata(Utf8JsonWriter json, IReadOnlyDictionary<string, string>? metadata)
    {
        if (metadata is null)
        {
            return;
        }

        json.WriteStartObject("metadata"u8);
        foreach (var (name, value) in metadata)
        {
            json.WriteString(name, value);
        }

        json.WriteEndObject();
    }

    private TValue? Deserialize<TValue>(byte[] bytes)
    {
        try
        {
            return bytes.Length == 0 ? default : JsonSerializer.Deserialize<TValue>(bytes, JsonSerializerOptions);
        }
        catch (JsonException e)
        {
            throw new DaprException("State operation failed: the state payload could not be deserialized. See InnerException for details.", e);
        }
    }

    private Task<HttpResponseMessage> Save<TValue>(
        string storeName, string key, TValue value, string? etag, StateOptions? options, IReadOnlyDictionary<string, string>? metadata, CancellationToken stop)
    {
        ArgumentException.ThrowIfNullOrEmpty(storeName);
        ArgumentException.ThrowIfNullOrEmpty(key);
        var body = Write(json =>
        {
            json.WriteStartArray();
            json.WriteStartObject();
            json.WriteString("key"u8, key);
            json.WritePropertyName("value"u8);
            JsonSerializer.Serialize(json, value, JsonSerializerOptions);
            WriteItem(json, etag, options, metadata);
            json.WriteEndObject();
            json.WriteEndArray();
        });
        return Send(HttpMethod.Post, Path("state", storeName), body, Json, "State", stop);
    }

    private Task<HttpResponseMessage> Delete(string storeName, string key, string etag, StateOptions? options, IReadOnlyDictionary<string, string>? metadata, CancellationToken stop)
    {
        ArgumentException.ThrowIfNullOrEmpty(storeName);
        ArgumentException.ThrowIfNullOrEmpty(key);
        var query = Query(metadata,
            options?.Concurrency is { } concurrency ? "concurrency=" + Name(concurrency) : null,
            options?.Consistency is { } consistency ? "consistency=" + Name(consistency) : null);
        return Send(HttpMethod.Delete, Path("state", storeName, key) + query, null, null, "State", stop, etag);
    }

    private async Task<HttpResponseMessage> Send(
        HttpMethod method, string path, ReadOnlyMemory<byte>? body, MediaTypeHeaderValue? contentType, string operation, CancellationToken stop, string etag = "")
    {
        using var request = new HttpRequestMessage(method, new Uri(path, UriKind.Relative));
        if (body is { } bytes)
        {
            request.Content = new ReadOnlyMemoryContent(bytes);
            request.Content.Headers.ContentType = contentType;
        }

        if (etag.Length > 0)
        {
            request.Headers.TryAddWithoutValidation("If-Match", etag);
        }

        try
        {
            return await _http.SendAsync(request, stop).ConfigureAwait(false);
        }
        catch (HttpRequestException e)
        {
            throw Failed(operation, e);
        }
        catch (OperationCanceledException e) when (!stop.IsCancellationRequested)
        {
            throw Failed(operation, e);
        }
    }

    private static DaprException Failed(string operation, Exception inner) =>
        new($"{operation} operation failed: the Dapr endpoint indicated a failure. See InnerException for details.", inner);

    private static async Task Check(HttpResponseMessage response, string operation, CancellationToken stop)
    {
        if (!response.IsSuccessStatusCode)
        {
            throw Failed(operation, await DaprErrors.Read(response, stop).ConfigureAwait(false));
        }
    }

    private static async Task<bool> CheckConflict(HttpResponseMessage response, CancellationToken stop)
    {
        if (response.StatusCode == HttpStatusCode.Conflict)
        {
            return false;
        }

        await Check(response, "State", stop).ConfigureAwait(false);
        return true;
    }

    private async Task<bool> IsHealthy(string path, CancellationToken stop)
    {
        try
        {
            using var response = await _http.GetAsync(new Uri(path, UriKind.Relative), stop).ConfigureAwait(false);
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
