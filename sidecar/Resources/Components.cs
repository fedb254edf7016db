using System.Text;
using Lavka.Sidecar.Bindings;
using Lavka.Sidecar.PubSub;
using Lavka.Sidecar.Secrets;
using Lavka.Sidecar.State;

namespace Lavka.Sidecar.Resources;

/// <summary>A component that has started.</summary>
internal sealed record LoadedComponent(string Name, string Type, string Version, IComponent Component, ComponentMetadata Metadata);

/// <summary>A state store with what belongs to it.</summary>
internal sealed record LoadedStateStore(string Name, IStateStore Store, KeyPrefix Prefix);

/// <summary>A pub/sub component with what belongs to it.</summary>
internal sealed record LoadedPubSub(string Name, IPubSub Broker, TopicScopes Scopes, string Consumer);

/// <summary>The components of one app, started from its resources (Dapr: concepts/components-concept).</summary>
internal sealed partial class Components : IAsyncDisposable
{
    private readonly SidecarOptions _options;
    private readonly SidecarMesh _mesh;
    private readonly ILogger _log;
    private readonly List<LoadedComponent> _all = [];

    private Components(SidecarOptions options, SidecarMesh mesh)
    {
        (_options, _mesh) = (options, mesh);
        _log = options.Logs.CreateLogger<Components>();
    }

    public IReadOnlyList<LoadedComponent> All => _all;

    public Dictionary<string, LoadedStateStore> StateStores { get; } = [];

    public Dictionary<string, LoadedPubSub> PubSubs { get; } = [];

    public Dictionary<string, ISecretStore> SecretStores { get; } = [];

    public Dictionary<string, IOutputBinding> OutputBindings { get; } = [];

    /// <summary>The store marked <c>actorStateStore</c>.</summary>
    public LoadedStateStore? ActorStore { get; private set; }

    /// <summary>Starts what the resources say, secret stores first.</summary>
    /// <exception cref="ResourceException">One of them cannot start, and does not have <c>ignoreErrors</c>.</exception>
    public static async Task<Components> Start(IEnumerable<Resource> resources, SidecarOptions options, SidecarMesh mesh)
    {
        var components = new Components(options, mesh);
        var own = resources.Where(r => r.Kind == "Component" && r.IsFor(options.AppId) && r.IsIn(options.Namespace)).ToList();
        if (own.GroupBy(r => r.Name).FirstOrDefault(same => same.Count() > 1) is { } duplicate)
        {
            throw duplicate.Last().Error($"{duplicate.First().File} has a component of the same name; a component's name must be its own.");
        }

        try
        {
            foreach (var resource in own.OrderBy(r => r.Spec.Text("type")?.StartsWith("secretstores.", StringComparison.OrdinalIgnoreCase) == true ? 0 : 1))
            {
                components.Start(resource);
            }
        }
        catch
        {
            await components.DisposeAsync();
            throw;
        }

        return components;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var component in _all)
        {
            await _mesh.Release(component.Metadata, component.Component);
        }
    }

    private void Start(Resource resource)
    {
        var type = resource.Spec.Text("type") ?? throw resource.Error("the field spec.type is required.");
        if (resource.Name.Length == 0)
        {
            throw resource.Error("the field metadata.name is required.");
        }

        try
        {
            var make = ComponentTypes.Find(type) ?? throw resource.Error($"spec.type '{type}' is unknown; allowed are {string.Join(", ", ComponentTypes.All)}.");
            if (MetadataOf(resource, type) is not { } metadata)
            {
                return;
            }

            var component = make(new(metadata, _options, _mesh, _options.Logs));
            _all.Add(new(resource.Name, type, resource.Spec.Text("version") ?? "", component, metadata));
            Register(resource, component, metadata);
            foreach (var unknown in metadata.Unknown)
            {
                LogUnknownField(resource.File, resource.Name, unknown, type, string.Join(", ", metadata.Known));
            }
        }
        catch (Exception e) when (resource.Spec.Flag("ignoreErrors") && e is not OutOfMemoryException)
        {
            LogIgnored(resource.Name, e.Message);
        }
        catch (Exception e) when (e is not (ResourceException or OutOfMemoryException))
        {
            throw resource.Error($"it cannot start: {e.Message}");
        }
    }

    private void Register(Resource resource, IComponent component, ComponentMetadata metadata)
    {
        var name = resource.Name;
        switch (component)
        {
            case IStateStore store:
                var loaded = StateStores[name] = new(name, store, new KeyPrefix(metadata, _options.AppId, _options.Namespace));
                if (metadata.Flag("actorStateStore"))
                {
                    ActorStore = ActorStore is null ? loaded : throw resource.Error($"'{ActorStore.Name}' is marked actorStateStore as well; only one store can be.");
                }

                break;
            case IPubSub broker:
                PubSubs[name] = new(name, broker, new TopicScopes(metadata, _options.AppId), metadata.Get("consumerID", _options.AppId));
                break;
            case ISecretStore secrets:
                SecretStores[name] = secrets;
                break;
            case IOutputBinding binding:
                OutputBindings[name] = binding;
                break;
        }
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
            else if (item.Get("secretKeyRef") is { } reference)
            {
                if (resource.Root.Get("auth").Text("secretStore") is not { } storeName || !SecretStores.TryGetValue(storeName, out var store))
                {
                    LogNoSecretStore(resource.File, resource.Name, resource.Root.Get("auth").Text("secretStore") ?? "");
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

        return new ComponentMetadata(resource, type, values, Path.GetFullPath(_options.DataPath));
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

    [LoggerMessage(Level = LogLevel.Warning, Message = "{File}: component '{Component}': the metadata field '{Field}' is unknown to {Type} and has no effect; known are {Known}")]
    private partial void LogUnknownField(string file, string component, string field, string type, string known);

    [LoggerMessage(Level = LogLevel.Error, Message = "Component '{Component}' is left out (ignoreErrors): {Problem}")]
    private partial void LogIgnored(string component, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{File}: component '{Component}' is left out: the secret store '{Store}' it refers to (auth.secretStore) is not loaded")]
    private partial void LogNoSecretStore(string file, string component, string store);

    [LoggerMessage(Level = LogLevel.Error, Message = "{File}: component '{Component}': there is no secret '{Secret}' for the metadata field '{Field}'")]
    private partial void LogNoSecret(string file, string component, string secret, string field);
}
