using System.Text.Json;
using Dapr;
using Dapr.Client;
using Lavka.Testing;

namespace Lavka.Services.Tests;

/// <summary>An event as a sidecar would deliver it.</summary>
internal sealed record Published(string Topic, string Type, string Id, JsonElement Data);

/// <summary>A service's sidecar in memory: a state store with ETags and transactions, and a publish that takes events as their schemas have them, and can be made to fail.</summary>
internal sealed class FakeDapr(Action<Published> published) : DaprClient
{
    private readonly Dictionary<string, (string Json, string ETag)> _items = [];
    private int _etag;

    /// <summary>Asked before each publish; true makes it fail, as a crash or a broker that is away does.</summary>
    public Func<bool> FailsToPublish { get; set; } = () => false;

    /// <summary>Runs before each save: the moment for somebody else to save first.</summary>
    public Action BeforeSave { get; set; } = () => { };

    public override JsonSerializerOptions JsonSerializerOptions { get; } = new(JsonSerializerDefaults.Web);

    /// <summary>What went out through output bindings.</summary>
    public List<(string Binding, string Text, IReadOnlyDictionary<string, string> Metadata)> Sent { get; } = [];

    /// <summary>Asked before each call of an output binding; true makes it fail.</summary>
    public Func<bool> FailsToSend { get; set; } = () => false;

    public IEnumerable<string> Keys => _items.Keys;

    public T? Read<T>(string key) => _items.TryGetValue(key, out var item) ? JsonSerializer.Deserialize<T>(item.Json, JsonSerializerOptions) : default;

    public override Task<(TValue value, string etag)> GetStateAndETagAsync<TValue>(
        string storeName, string key, ConsistencyMode? consistencyMode = null, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancellationToken = default) =>
        Task.FromResult(_items.TryGetValue(key, out var item) ? (JsonSerializer.Deserialize<TValue>(item.Json, JsonSerializerOptions)!, item.ETag) : (default!, ""));

    public override async Task<TValue> GetStateAsync<TValue>(
        string storeName, string key, ConsistencyMode? consistencyMode = null, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancellationToken = default) =>
        (await GetStateAndETagAsync<TValue>(storeName, key, cancellationToken: cancellationToken)).value;

    public override async Task<IReadOnlyList<BulkStateItem<TValue>>> GetBulkStateAsync<TValue>(
        string storeName, IReadOnlyList<string> keys, int? parallelism, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancellationToken = default)
    {
        var items = new List<BulkStateItem<TValue>>();
        foreach (var key in keys.Distinct())
        {
            var (value, etag) = await GetStateAndETagAsync<TValue>(storeName, key, cancellationToken: cancellationToken);
            items.Add(new(key, value, etag));
        }

        return items;
    }

    public override Task<bool> TrySaveStateAsync<TValue>(
        string storeName, string key, TValue value, string etag, StateOptions? stateOptions = null, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancellationToken = default)
    {
        BeforeSave();
        if (!Matches(key, etag, stateOptions))
        {
            return Task.FromResult(false);
        }

        _items[key] = (JsonSerializer.Serialize(value, JsonSerializerOptions), $"{++_etag}");
        return Task.FromResult(true);
    }

    public override Task ExecuteStateTransactionAsync(
        string storeName, IReadOnlyList<StateTransactionRequest> operations, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancellationToken = default)
    {
        BeforeSave();
        if (!operations.All(operation => Matches(operation.Key, operation.ETag ?? "", operation.Options)))
        {
            // As Dapr does: a conflict in a transaction is a plain failure.
            throw new DaprException("State operation failed.");
        }

        foreach (var operation in operations)
        {
            _items[operation.Key] = (System.Text.Encoding.UTF8.GetString(operation.Value!), $"{++_etag}");
        }

        return Task.CompletedTask;
    }

    public override Task PublishEventAsync<TData>(string pubsubName, string topicName, TData data, Dictionary<string, string> metadata, CancellationToken cancellationToken = default)
    {
        if (FailsToPublish())
        {
            throw new DaprException("Publish operation failed.");
        }

        var @event = new Published(topicName, metadata["cloudevent.type"], metadata["cloudevent.id"], JsonSerializer.SerializeToElement(data, JsonSerializerOptions));
        var problem = EventSchemas.Problem(@event.Type, @event.Data);
        Assert.True(problem is null, problem);
        published(@event);
        return Task.CompletedTask;
    }

    public override Task InvokeBindingAsync<TRequest>(
        string bindingName, string operation, TRequest data, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancellationToken = default)
    {
        if (FailsToSend())
        {
            throw new DaprException("Binding operation failed.");
        }

        Sent.Add((bindingName, data!.ToString()!, metadata!));
        return Task.CompletedTask;
    }

    public override Task<Dictionary<string, string>> GetSecretAsync(
        string storeName, string key, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancellationToken = default) =>
        Task.FromResult(new Dictionary<string, string> { [key] = $"the {key}" });

    public override HttpClient CreateInvokableHttpClient(string? appId = null) => new();

    public override Task PublishEventAsync<TData>(string pubsubName, string topicName, TData data, CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public override Task PublishByteEventAsync(
        string pubsubName, string topicName, ReadOnlyMemory<byte> data, string dataContentType = "application/json", Dictionary<string, string>? metadata = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public override Task SaveStateAsync<TValue>(
        string storeName, string key, TValue value, StateOptions? stateOptions = null, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public override Task DeleteStateAsync(
        string storeName, string key, StateOptions? stateOptions = null, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public override Task<bool> TryDeleteStateAsync(
        string storeName, string key, string etag, StateOptions? stateOptions = null, IReadOnlyDictionary<string, string>? metadata = null, CancellationToken cancellationToken = default) =>
        throw new NotSupportedException();

    public override Task<bool> CheckHealthAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public override Task<bool> CheckOutboundHealthAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    public override Task WaitForSidecarAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();

    private bool Matches(string key, string etag, StateOptions? options) => _items.TryGetValue(key, out var item)
        ? etag.Length > 0 ? item.ETag == etag : options?.Concurrency != ConcurrencyMode.FirstWrite
        : etag.Length == 0;
}
