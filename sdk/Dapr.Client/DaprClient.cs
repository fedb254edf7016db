using System.Text.Json;

namespace Dapr.Client;

/// <summary>Dapr's building blocks, through the sidecar's HTTP API (Dapr: reference/api). Thread safe; one serves the whole process.</summary>
public abstract class DaprClient : IDisposable
{
    private bool _disposed;

    /// <summary>How values and events become JSON. By default camelCase.</summary>
    public abstract JsonSerializerOptions JsonSerializerOptions { get; }

    /// <summary>An HTTP client whose requests to <c>http://app-id/path</c> invoke that app through the sidecar. Keep it; it may serve the whole process.</summary>
    /// <param name="appId">The app of relative requests.</param>
    /// <param name="daprEndpoint">The sidecar's HTTP endpoint; null: from the environment.</param>
    /// <param name="daprApiToken">The API token; null: none.</param>
    /// <exception cref="ArgumentException">The app id is no host name.</exception>
    public static HttpClient CreateInvokeHttpClient(string? appId = null, string? daprEndpoint = null, string? daprApiToken = null)
    {
        var handler = new InvocationHandler { InnerHandler = new SocketsHttpHandler { UseProxy = false }, DefaultAppId = appId, DaprApiToken = daprApiToken };
        if (daprEndpoint is not null)
        {
            handler.DaprEndpoint = daprEndpoint;
        }

        var client = new HttpClient(handler);
        if (appId is not null)
        {
            client.BaseAddress = Uri.TryCreate($"http://{appId}", UriKind.Absolute, out var address)
                ? address
                : throw new ArgumentException("The appId must be a valid hostname.", nameof(appId));
        }

        return client;
    }

    /// <summary>As <see cref="CreateInvokeHttpClient"/>, with this client's endpoint and token.</summary>
    /// <param name="appId">The app of relative requests.</param>
    public abstract HttpClient CreateInvokableHttpClient(string? appId = null);

    /// <summary>Publishes an event as JSON.</summary>
    /// <param name="pubsubName">The pub/sub component.</param>
    /// <param name="topicName">The topic.</param>
    /// <param name="data">The event.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="DaprException">The sidecar did not take it.</exception>
    public abstract Task PublishEventAsync<TData>(string pubsubName, string topicName, TData data, CancellationToken cancellationToken = default);

    /// <summary>Publishes an event as JSON, with metadata such as <c>cloudevent.type</c> or <c>partitionKey</c>.</summary>
    /// <param name="pubsubName">The pub/sub component.</param>
    /// <param name="topicName">The topic.</param>
    /// <param name="data">The event.</param>
    /// <param name="metadata">The metadata.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="DaprException">The sidecar did not take it.</exception>
    public abstract Task PublishEventAsync<TData>(string pubsubName, string topicName, TData data, Dictionary<string, string> metadata, CancellationToken cancellationToken = default);

    /// <summary>Publishes bytes as they are.</summary>
    /// <param name="pubsubName">The pub/sub component.</param>
    /// <param name="topicName">The topic.</param>
    /// <param name="data">The payload.</param>
    /// <param name="dataContentType">Its content type.</param>
    /// <param name="metadata">The metadata.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="DaprException">The sidecar did not take it.</exception>
    public abstract Task PublishByteEventAsync(
        string pubsubName, string topicName, ReadOnlyMemory<byte> data, string dataContentType = "application/json", Dictionary<string, string>? metadata = null, CancellationToken cancellationToken = default);

    /// <summary>Reads a value.</summary>
    /// <param name="storeName">The state store component.</param>
    /// <param name="key">The key.</param>
    /// <param name="consistencyMode">Consistency; null: the store's own.</param>
    /// <param name="metadata">Metadata.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The value; the default where there is none.</returns>
    /// <exception cref="DaprException">The store failed, or the value is of another type.</exception>
    public abstract Task<TValue> GetStateAsync<TValue>(
        string storeName, string key, ConsistencyMode? consistencyMode = default, IReadOnlyDictionary<string, string>? metadata = default, CancellationToken cancellationToken = default);

    /// <summary>Reads a value and its ETag.</summary>
    /// <param name="storeName">The state store component.</param>
    /// <param name="key">The key.</param>
    /// <param name="consistencyMode">Consistency; null: the store's own.</param>
    /// <param name="metadata">Metadata.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The value and its ETag; the default and an empty ETag where there is none.</returns>
    /// <exception cref="DaprException">The store failed, or the value is of another type.</exception>
    public abstract Task<(TValue value, string etag)> GetStateAndETagAsync<TValue>(
        string storeName, string key, ConsistencyMode? consistencyMode = default, IReadOnlyDictionary<string, string>? metadata = default, CancellationToken cancellationToken = default);

    /// <summary>Reads several values at once.</summary>
    /// <param name="storeName">The state store component.</param>
    /// <param name="keys">The keys; at least one.</param>
    /// <param name="parallelism">How many reads at once; null: the store's own.</param>
    /// <param name="metadata">Metadata.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>An item a key; in the store's order, which need not be that of the keys.</returns>
    /// <exception cref="DaprException">The store failed.</exception>
    public abstract Task<IReadOnlyList<BulkStateItem<TValue>>> GetBulkStateAsync<TValue>(
        string storeName, IReadOnlyList<string> keys, int? parallelism, IReadOnlyDictionary<string, string>? metadata = default, CancellationToken cancellationToken = default);

    /// <summary>Saves a value, whatever is there.</summary>
    /// <param name="storeName">The state store component.</param>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    /// <param name="stateOptions">Options.</param>
    /// <param name="metadata">Metadata, for example <c>ttlInSeconds</c>.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="DaprException">The store failed.</exception>
    public abstract Task SaveStateAsync<TValue>(
        string storeName, string key, TValue value, StateOptions? stateOptions = default, IReadOnlyDictionary<string, string>? metadata = default, CancellationToken cancellationToken = default);

    /// <summary>Saves a value if the one that is there still has this ETag.</summary>
    /// <param name="storeName">The state store component.</param>
    /// <param name="key">The key.</param>
    /// <param name="value">The value.</param>
    /// <param name="etag">The ETag; empty: none, so that with <see cref="ConcurrencyMode.FirstWrite"/> there must be no value.</param>
    /// <param name="stateOptions">Options.</param>
    /// <param name="metadata">Metadata.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>False if somebody else has changed it.</returns>
    /// <exception cref="DaprException">The store failed.</exception>
    public abstract Task<bool> TrySaveStateAsync<TValue>(
        string storeName, string key, TValue value, string etag, StateOptions? stateOptions = default, IReadOnlyDictionary<string, string>? metadata = default, CancellationToken cancellationToken = default);

    /// <summary>Makes all the changes or none.</summary>
    /// <param name="storeName">The state store component.</param>
    /// <param name="operations">The changes; at least one.</param>
    /// <param name="metadata">Metadata.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="DaprException">The store failed, or an ETag did not match; Dapr does not tell which.</exception>
    public abstract Task ExecuteStateTransactionAsync(
        string storeName, IReadOnlyList<StateTransactionRequest> operations, IReadOnlyDictionary<string, string>? metadata = default, CancellationToken cancellationToken = default);

    /// <summary>Deletes a key.</summary>
    /// <param name="storeName">The state store component.</param>
    /// <param name="key">The key.</param>
    /// <param name="stateOptions">Options.</param>
    /// <param name="metadata">Metadata.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="DaprException">The store failed.</exception>
    public abstract Task DeleteStateAsync(
        string storeName, string key, StateOptions? stateOptions = default, IReadOnlyDictionary<string, string>? metadata = default, CancellationToken cancellationToken = default);

    /// <summary>Deletes a key if its value still has this ETag.</summary>
    /// <param name="storeName">The state store component.</param>
    /// <param name="key">The key.</param>
    /// <param name="etag">The ETag.</param>
    /// <param name="stateOptions">Options.</param>
    /// <param name="metadata">Metadata.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>False if somebody else has changed it.</returns>
    /// <exception cref="DaprException">The store failed.</exception>
    public abstract Task<bool> TryDeleteStateAsync(
        string storeName, string key, string etag, StateOptions? stateOptions = default, IReadOnlyDictionary<string, string>? metadata = default, CancellationToken cancellationToken = default);

    /// <summary>Calls an output binding (Dapr: reference/api/bindings_api).</summary>
    /// <param name="bindingName">The component.</param>
    /// <param name="operation">One of the operations it has, for example <c>create</c>.</param>
    /// <param name="data">The data; sent as JSON.</param>
    /// <param name="metadata">The component's settings for this call.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="DaprException">The binding failed, or there is none of that name.</exception>
    public abstract Task InvokeBindingAsync<TRequest>(
        string bindingName, string operation, TRequest data, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancellationToken = default);

    /// <summary>Reads a secret (Dapr: reference/api/secrets_api).</summary>
    /// <param name="storeName">The secret store component.</param>
    /// <param name="key">The secret's name.</param>
    /// <param name="metadata">The component's settings for this call.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The secret's values by name; most stores have one, named as the secret.</returns>
    /// <exception cref="DaprException">There is no such secret, or it must not be read.</exception>
    public abstract Task<Dictionary<string, string>> GetSecretAsync(
        string storeName, string key, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancellationToken = default);

    /// <summary>Whether the sidecar answers and is ready.</summary>
    /// <param name="cancellationToken">Cancels.</param>
    public abstract Task<bool> CheckHealthAsync(CancellationToken cancellationToken = default);

    /// <summary>Whether the sidecar's components are ready, with or without the app.</summary>
    /// <param name="cancellationToken">Cancels.</param>
    public abstract Task<bool> CheckOutboundHealthAsync(CancellationToken cancellationToken = default);

    /// <summary>Waits until <see cref="CheckOutboundHealthAsync"/> says yes.</summary>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public abstract Task WaitForSidecarAsync(CancellationToken cancellationToken = default);

    /// <inheritdoc />
    public void Dispose()
    {
        if (!_disposed)
        {
            Dispose(true);
            _disposed = true;
        }

        GC.SuppressFinalize(this);
    }

    /// <summary>Closes the connections.</summary>
    /// <param name="disposing">True when called by <see cref="Dispose()"/>.</param>
    protected virtual void Dispose(bool disposing)
    {
    }
}
