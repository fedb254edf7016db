namespace Lavka.Sidecar.Configuration;

/// <summary>A configuration item (Dapr: reference/api/configuration_api).</summary>
internal sealed record ConfigurationItem(string Value, string Version);

/// <summary>Told of changes: the items by key, null for one that is gone.</summary>
internal delegate Task ConfigurationChanged(IReadOnlyDictionary<string, ConfigurationItem?> items, CancellationToken stop);

/// <summary>A configuration store component.</summary>
internal interface IConfigurationStore : IComponent
{
    /// <summary>The items of these keys that exist; without keys, all.</summary>
    /// <exception cref="IOException">The store cannot be read.</exception>
    ValueTask<IReadOnlyDictionary<string, ConfigurationItem>> Get(IReadOnlyList<string> keys, CancellationToken stop);

    /// <summary>Tells of every change of these keys, or of all without keys, from when it completes until what it answers is disposed of.</summary>
    /// <exception cref="IOException">The store cannot be watched.</exception>
    ValueTask<IAsyncDisposable> Watch(IReadOnlyList<string> keys, ConfigurationChanged changed, CancellationToken stop);
}
