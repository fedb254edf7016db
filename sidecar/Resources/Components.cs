using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Text;
using Lavka.Sidecar.Bindings;
using Lavka.Sidecar.Configuration;
using Lavka.Sidecar.Conversation;
using Lavka.Sidecar.Crypto;
using Lavka.Sidecar.Locks;
using Lavka.Sidecar.PubSub;
using Lavka.Sidecar.Secrets;
using Lavka.Sidecar.State;

namespace Lavka.Sidecar.Resources;

/// <summary>A component that has started.</summary>
internal sealed record LoadedComponent(Resource Resource, string Type, string Version, IComponent Component, ComponentMetadata Metadata)
{
    public string Name => Resource.Name;
}

/// <summary>A state store with what belongs to it.</summary>
internal sealed record LoadedStateStore(string Name, IStateStore Store, KeyPrefix Prefix, OutboxSpec? Outbox);

/// <summary>A pub/sub component with what belongs to it.</summary>
internal sealed record LoadedPubSub(string Name, IPubSub Broker, TopicScopes Scopes, string Consumer);

/// <summary>The components of one app, started from its resources (Dapr: concepts/components-concept).</summary>
internal sealed partial class Components : IAsyncDisposable
{
    private static readonly TimeSpan DefaultInitTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(2);

    private readonly SidecarOptions _options;
    private readonly SidecarMesh _mesh;
    private readonly ILogger _log;
    private ImmutableList<LoadedComponent> _all = [];

    private Components(SidecarOptions options, SidecarMesh mesh)
    {
        (_options, _mesh) = (options, mesh);
        _log = options.Logs.CreateLogger<Components>();
    }

    public IReadOnlyList<LoadedComponent> All => _all;

    public ConcurrentDictionary<string, LoadedStateStore> StateStores { get; } = [];

    public ConcurrentDictionary<string, LoadedPubSub> PubSubs { get; } = [];

    public ConcurrentDictionary<string, ISecretStore> SecretStores { get; } = [];

    public ConcurrentDictionary<string, IConfigurationStore> ConfigurationStores { get; } = [];

    public ConcurrentDictionary<string, LoadedLockStore> LockStores { get; } = [];

    public ConcurrentDictionary<string, ICryptoProvider> CryptoProviders { get; } = [];

    public ConcurrentDictionary<string, IConversation> Conversations { get; } = [];

    public ConcurrentDictionary<string, IOutputBinding> OutputBindings { get; } = [];

    public ConcurrentDictionary<string, LoadedInputBinding> InputBindings { get; } = [];

    /// <summary>The store marked <c>actorStateStore</c>.</summary>
    public LoadedStateStore? ActorStore { get; private set; }

    /// <summary>Starts what the resources say, secret stores first.</summary>
    /// <exception cref="ResourceException">One of them cannot start, and does not have <c>ignoreErrors</c>.</exception>
    public static async Task<Components> Start(IEnumerable<Resource> resources, SidecarOptions options, SidecarMesh mesh, CancellationToken stop)
    {
        var components = new Components(options, mesh);
        try
        {
            foreach (var resource in components.Own(resources))
            {
                await components.Start(resource, stop);
            }
        }
        catch
        {
            await components.DisposeAsync();
            throw;
        }

        return components;
    }

    /// <summary>
    /// Follows a change of the resources: closes the components that are gone or different, starts the new ones (Dapr: operations/components/component-updates).
    /// A store marked <c>actorStateStore</c> stays as it is until a restart: actors hold on to it.
    /// </summary>
    /// <param name="resources">All there are now.</param>
    /// <param name="release">Called when those that close are not found any more: whoever uses them lets go of them.</param>
    /// <param name="stop">Cancels.</param>
    /// <exception cref="ResourceException">One of them cannot start, and does not have <c>ignoreErrors</c>.</exception>
    public async Task Reload(IEnumerable<Resource> resources, Func<Task> release, CancellationToken stop)
    {
        var own = Own(resources);
        var gone = _all.Where(loaded => loaded.Name != ActorStore?.Name && !own.Any(resource => resource.Root.Equals(loaded.Resource.Root))).ToList();
        foreach (var loaded in gone)
        {
            LogClosing(loaded.Name, loaded.Type);
            Remove(loaded);
        }

        await release();
        foreach (var loaded in gone)
        {
            await _mesh.Release(loaded.Metadata, loaded.Component);
        }

        foreach (var resource in own.Where(resource => _all.All(loaded => loaded.Name != resource.Name)))
        {
            await Start(resource, stop);
            LogStarted(resource.Name, resource.Spec.Text("type") ?? "");
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var component in _all)
        {
            Remove(component);
            await _mesh.Release(component.Metadata, component.Component);
        }
    }

    /// <summary>This app's components, secret stores first.</summary>
    /// <exception cref="ResourceException">Two have the same name; the second counts even if it is for another app, as in daprd.</exception>
    private List<Resource> Own(IEnumerable<Resource> resources)
    {
        var own = new Dictionary<string, Resource>();
        foreach (var resource in resources.Where(r => r.Kind == "Component" && r.Name.Length > 0 && r.IsIn(_options.Namespace)))
        {
            if (own.TryGetValue(resource.Name, out var first))
            {
                throw resource.Error($"{first.File} has a component of the same name; a component's name must be its own.");
            }

            if (resource.IsFor(_options.AppId))
            {
                own[resource.Name] = resource;
            }
        }

        return [.. own.Values.OrderBy(r => r.Spec.Text("type")?.StartsWith("secretstores.", StringComparison.OrdinalIgnoreCase) == true ? 0 : 1)];
    }

    private async Task Start(Resource resource, CancellationToken stop)
    {
        var type = resource.Spec.Text("type") ?? throw resource.Error("the field spec.type is required.");
        try
        {
            var version = resource.Spec.Text("version") ?? "";
            var make = ComponentTypes.Find(type) ?? throw resource.Error($"spec.type '{type}' is unknown; allowed are {string.Join(", ", ComponentTypes.All)}.");
            var there = ComponentTypes.VersionOf(type);
            if ((version.ToLowerInvariant() is "" or "v0" ? "v1" : version.ToLowerInvariant()) != there)
            {
                throw resource.Error($"spec.version '{version}' of {type} is not there; write version: {there}.");
            }

            var timeout = DefaultInitTimeout;
            if (resource.Spec.Text("initTimeout") is { } text && !(Durations.TryParseGo(text, out timeout) && timeout > TimeSpan.Zero))
            {
                throw resource.Error($"spec.initTimeout is '{text}'; allowed is a duration such as 5s or 1m.");
            }

            if (MetadataOf(resource, type) is not { } metadata)
            {
                return;
            }

            var component = make(new(metadata, _options, _mesh, _options.Logs));
            try
            {
                await Init(component, timeout, stop);
                Register(resource, component, metadata);
            }
            catch
            {
                await _mesh.Release(metadata, component);
                throw;
            }

            _all = _all.Add(new(resource, type, version, component, metadata));
            foreach (var unknown in metadata.Unknown)
            {
                LogUnknownField(resource.File, resource.Name, unknown, type, string.Join(", ", metadata.Known));
            }
        }
        catch (Exception e) when (resource.Spec.Flag("ignoreErrors") && e is not OutOfMemoryException)
        {
            LogIgnored(resource.Name, e.Message);
        }
        catch (Exception e) when (e is not (ResourceException or OutOfMemoryException or OperationCanceledException))
        {
            throw resource.Error($"it cannot start: {e.Message}");
        }
    }

    private static async Task Init(IComponent component, TimeSpan timeout, CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(timeout);
        try
        {
            // A component that is told that its time is over may know what it was waiting for.
            await component.Start(limit.Token).WaitAsync(timeout + LastWords, stop);
        }
        catch (Exception) when (stop.IsCancellationRequested)
        {
            throw new OperationCanceledException(stop);
        }
        catch (Exception e) when (limit.IsCancellationRequested)
        {
            var why = e is OperationCanceledException or TimeoutException ? "" : $": {e.Message}";
            throw new TimeoutException($"init timeout for the component: it was not ready after {Durations.ToGo(timeout)} (spec.initTimeout){why}");
        }
    }

    private void Register(Resource resource, IComponent component, ComponentMetadata metadata)
    {
        var name = resource.Name;
        switch (component)
        {
            case IStateStore store:
                var loaded = new LoadedStateStore(name, store, new KeyPrefix(metadata, _options.AppId, _options.Namespace), OutboxSpec.From(metadata));
                if (metadata.Flag("actorStateStore"))
                {
                    ActorStore = ActorStore is null ? loaded : throw resource.Error($"'{ActorStore.Name}' is marked actorStateStore as well; only one store can be.");
                }

                StateStores[name] = loaded;
                break;
            case IPubSub broker:
                var decorated = _options.Broker is { } decorator ? decorator.Around(name, broker) : broker;
                PubSubs[name] = new(name, decorated, new TopicScopes(metadata, _options.AppId), metadata.Get("consumerID", _options.AppId));
                break;
            case ISecretStore secrets:
                SecretStores[name] = secrets;
                break;
            case IConfigurationStore configuration:
                ConfigurationStores[name] = configuration;
                break;
            case ILockStore locks:
                LockStores[name] = LoadedLockStore.From(locks, metadata, _options.AppId);
                break;
            case ICryptoProvider crypto:
                CryptoProviders[name] = crypto;
                break;
            case IConversation conversation:
                Conversations[name] = conversation;
                break;
        }

        // A binding may be both.
        var direction = component is IOutputBinding or IInputBinding ? metadata.Get("direction", "input, output") : "";
        if (component is IOutputBinding output && direction.Contains("output", StringComparison.OrdinalIgnoreCase))
        {
            OutputBindings[name] = output;
        }

        if (component is IInputBinding input && direction.Contains("input", StringComparison.OrdinalIgnoreCase))
        {
            InputBindings[name] = new(name, input, metadata.Get("route", name), metadata.Find("direction") is not null);
        }
    }

    private void Remove(LoadedComponent loaded)
    {
        _all = _all.Remove(loaded);
        var name = loaded.Name;
        _ = StateStores.TryRemove(name, out _) || PubSubs.TryRemove(name, out _) || SecretStores.TryRemove(name, out _) || ConfigurationStores.TryRemove(name, out _)
            || LockStores.TryRemove(name, out _) || CryptoProviders.TryRemove(name, out _) || Conversations.TryRemove(name, out _) || OutputBindings.TryRemove(name, out _) | InputBindings.TryRemove(name, out _);
    }

    /// <summary>Null when the component waits for a secret store that is not there; like daprd, the sidecar then starts without it.</summary>
    private ComponentMetadata? MetadataOf(Resource resource, string type)
    {
        var values = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var item in resource.Spec.Items("metadata"))
        {
            var name = item.Text("name") ?? throw resource.Error("an entry of spec.metadata has no name.");
            if (item.Get("value") is { } value)
            {
                values[name] = Fill(resource, value.Value());
            }

            if (item.Get("secretKeyRef") is { } reference)
            {
                // Without a store there is nothing to wait for: the field stays empty.
                if (resource.Root.Get("auth").Text("secretStore") is not { Length: > 0 } storeName)
                {
                    continue;
                }

                if (!SecretStores.TryGetValue(storeName, out var store))
                {
                    LogNoSecretStore(resource.File, resource.Name, storeName);
                    return null;
                }

                var secret = reference.Text("name") ?? throw resource.Error($"the secretKeyRef of '{name}' has no name.");
                try
                {
                    values[name] = store.Get(secret).GetValueOrDefault(reference.Text("key") ?? secret) ?? "";
                }
                catch (KeyNotFoundException)
                {
                    LogNoSecret(resource.File, resource.Name, secret, name);
                }
            }
            else if (item.Text("envRef") is { } variable && EnvironmentSecretStore.IsAllowed(variable))
            {
                values[name] = _options.Environment.GetValueOrDefault(variable) ?? "";
            }
        }

        return new ComponentMetadata(resource, type, values, Path.GetFullPath(_options.DataPath), _options.WorkingPath);
    }

    private string Fill(Resource resource, string value)
    {
        if (!value.Contains('{'))
        {
            return value;
        }

        var filled = new StringBuilder(value);
        if (value.Contains("{podName}", StringComparison.Ordinal))
        {
            filled.Replace("{podName}", _options.Environment.GetValueOrDefault("POD_NAME")
                ?? throw resource.Error("'{podName}' is used, but the environment variable POD_NAME is not set."));
        }

        filled.Replace("{namespace}", $"{(string.IsNullOrEmpty(_options.Namespace) ? "default" : _options.Namespace)}.{_options.AppId}");
        filled.Replace("{appID}", _options.AppId);
        while (filled.ToString() is var text && text.IndexOf("{uuid}", StringComparison.Ordinal) is >= 0 and var at)
        {
            filled.Remove(at, 6).Insert(at, Guid.NewGuid().ToString());
        }

        return filled.ToString();
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "Closing component '{Component}' ({Type}): its resource has changed or is gone")]
    private partial void LogClosing(string component, string type);

    [LoggerMessage(Level = LogLevel.Information, Message = "Component '{Component}' ({Type}) is loaded anew")]
    private partial void LogStarted(string component, string type);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{File}: component '{Component}': the metadata field '{Field}' is unknown to {Type} and has no effect; known are {Known}")]
    private partial void LogUnknownField(string file, string component, string field, string type, string known);

    [LoggerMessage(Level = LogLevel.Error, Message = "Component '{Component}' is left out (ignoreErrors): {Problem}")]
    private partial void LogIgnored(string component, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{File}: component '{Component}' is left out: the secret store '{Store}' it refers to (auth.secretStore) is not loaded")]
    private partial void LogNoSecretStore(string file, string component, string store);

    [LoggerMessage(Level = LogLevel.Error, Message = "{File}: component '{Component}': there is no secret '{Secret}' for the metadata field '{Field}'")]
    private partial void LogNoSecret(string file, string component, string secret, string field);
}
