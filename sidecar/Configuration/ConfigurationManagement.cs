using System.Collections.Concurrent;
using Grpc.Core;
using Lavka.Sidecar.Resiliency;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Configuration;

/// <summary>A subscription to configuration items.</summary>
/// <param name="Id">Its id; what is told of carries it.</param>
/// <param name="Store">The store's name.</param>
internal sealed record ConfigurationSubscription(string Id, string Store)
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What tells of the changes.</summary>
    public IAsyncDisposable? Watch { get; set; }

    /// <summary>Completes when the subscription is over.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Tells that it is over.</summary>
    public void End() => _ended.TrySetResult();
}

/// <summary>
/// Dapr's configuration, whoever asks for it (Dapr: reference/api/configuration_api). What it cannot do is an <see cref="ApiException"/>. A subscription lives until it is
/// ended, or as long as the store.
/// </summary>
internal sealed class ConfigurationManagement(Components components, ResiliencyPolicies policies) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, ConfigurationSubscription> _subscriptions = new();

    public IConfigurationStore Find(string name) =>
        components.ConfigurationStores.TryGetValue(name, out var store) ? store
        : components.ConfigurationStores.IsEmpty
            ? throw new ApiException(500, "ERR_CONFIGURATION_STORE_NOT_CONFIGURED", "configuration stores not configured") { Code = StatusCode.FailedPrecondition }
            : throw new ApiException(400, "ERR_CONFIGURATION_STORE_NOT_FOUND", $"configuration store {name} not found");

    /// <summary>The items of these keys that exist; without keys, all.</summary>
    public async ValueTask<IReadOnlyDictionary<string, ConfigurationItem>> Get(string storeName, IReadOnlyList<string> keys, CancellationToken cancellationToken)
    {
        var store = Find(storeName);
        try
        {
            return await policies.Outbound(storeName, "Configuration").RunOrThrow(token => store.Get(keys, token), cancellationToken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ApiException(500, "ERR_CONFIGURATION_GET", $"failed to get [{string.Join(' ', keys)}] from Configuration store {storeName}: {e.Message}");
        }
    }

    /// <summary>Tells of every change of these keys, or of all without keys.</summary>
    /// <param name="storeName">The store.</param>
    /// <param name="keys">Which items.</param>
    /// <param name="changed">Is told, with the subscription's id; possibly before this has returned.</param>
    /// <param name="cancellationToken">Ends the attempt, not the subscription.</param>
    public async ValueTask<ConfigurationSubscription> Subscribe(
        string storeName, IReadOnlyList<string> keys, Func<string, IReadOnlyDictionary<string, ConfigurationItem?>, CancellationToken, Task> changed, CancellationToken cancellationToken)
    {
        var store = Find(storeName);
        var subscription = new ConfigurationSubscription(Guid.NewGuid().ToString(), storeName);
        try
        {
            subscription.Watch = await policies.Outbound(storeName, "Configuration")
                .RunOrThrow(token => store.Watch(keys, (items, stop) => changed(subscription.Id, items, stop), token), cancellationToken);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            var message = $"failed to subscribe [{string.Join(' ', keys)}] from Configuration store {storeName}: {e.Message}";
            throw new ApiException(500, "ERR_CONFIGURATION_SUBSCRIBE", message) { Code = StatusCode.InvalidArgument };
        }

        _subscriptions[subscription.Id] = subscription;
        return subscription;
    }

    /// <summary>Ends a subscription.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="storeName">The store it has to be of; null: of any.</param>
    /// <returns>False: there is none.</returns>
    public async ValueTask<bool> Unsubscribe(string id, string? storeName = null)
    {
        if (!_subscriptions.TryGetValue(id, out var subscription) || (storeName ?? subscription.Store) != subscription.Store || !_subscriptions.TryRemove(id, out _))
        {
            return false;
        }

        await subscription.Watch!.DisposeAsync();
        subscription.End();
        return true;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var id in _subscriptions.Keys)
        {
            await Unsubscribe(id);
        }
    }
}
