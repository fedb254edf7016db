using System.Collections.Immutable;
using Lavka.Sidecar.Resources;
using YamlDotNet.Core;
using YamlDotNet.RepresentationModel;

namespace Lavka.Sidecar.Configuration;

/// <summary>
/// <c>configuration.embedded</c>: the items are in one YAML or JSON file, <c>key: value</c>; as in Dapr's Redis store a value may end in <c>||version</c>. Whoever
/// changes the file changes the configuration; subscribers are told within a moment.
/// </summary>
internal sealed partial class EmbeddedConfiguration : IConfigurationStore
{
    private sealed record Watcher(IReadOnlyList<string> Keys, ConfigurationChanged Changed);

    private readonly string _path;
    private readonly ILogger _log;
    private readonly FileChanges _changes;
    private ImmutableList<Watcher> _watchers = [];
    private Dictionary<string, ConfigurationItem> _items;

    public EmbeddedConfiguration(ComponentMetadata metadata, ILogger log)
    {
        _log = log;
        _path = metadata.InputPath(metadata.Required("path"));
        _items = Read();
        _changes = new([Path.GetDirectoryName(_path)!], Reload, log);
    }

    public IReadOnlyList<string> Capabilities { get; } = [];

    public ValueTask<IReadOnlyDictionary<string, ConfigurationItem>> Get(IReadOnlyList<string> keys, CancellationToken stop)
    {
        // Not what was read last: whoever has just changed the file wants to see that.
        var items = Read();
        return new(keys.Count == 0 ? items : keys.Distinct().Where(items.ContainsKey).ToDictionary(key => key, key => items[key]));
    }

    public ValueTask<IAsyncDisposable> Watch(IReadOnlyList<string> keys, ConfigurationChanged changed, CancellationToken stop)
    {
        var watcher = new Watcher(keys, changed);
        ImmutableInterlocked.Update(ref _watchers, list => list.Add(watcher));
        return new(new End(() => ImmutableInterlocked.Update(ref _watchers, list => list.Remove(watcher))));
    }

    public async ValueTask DisposeAsync() => await _changes.DisposeAsync();

    private async Task Reload(CancellationToken stop)
    {
        Dictionary<string, ConfigurationItem> items;
        try
        {
            items = Read();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Half written, perhaps: the next change tells.
            LogNotRead(_path, e.Message);
            return;
        }

        var before = _items;
        _items = items;
        var changed = items.Keys.Union(before.Keys)
            .Where(key => items.GetValueOrDefault(key) != before.GetValueOrDefault(key))
            .ToDictionary(key => key, key => items.GetValueOrDefault(key));
        foreach (var watcher in _watchers)
        {
            // One key at a time, as Redis tells them.
            foreach (var (key, item) in changed.Where(pair => watcher.Keys.Count == 0 || watcher.Keys.Contains(pair.Key)))
            {
                await watcher.Changed(new Dictionary<string, ConfigurationItem?> { [key] = item }, stop);
            }
        }
    }

    private Dictionary<string, ConfigurationItem> Read()
    {
        if (!File.Exists(_path))
        {
            throw new FileNotFoundException($"the configuration file '{_path}' does not exist");
        }

        try
        {
            var yaml = new YamlStream();
            yaml.Load(new StringReader(File.ReadAllText(_path)));
            return yaml.Documents.Count == 0 ? []
                : yaml.Documents[0].RootNode is YamlMappingNode map ? map.Pairs().ToDictionary(pair => pair.Key, pair => Item(pair.Value.Value()))
                : throw new IOException($"the configuration file '{_path}' is no list of key: value");
        }
        catch (YamlException e)
        {
            throw new IOException($"the configuration file '{_path}' does not parse: line {e.Start.Line}: {e.Message}");
        }
    }

    private static ConfigurationItem Item(string text)
    {
        var parts = text.Split("||");
        return new(parts[0], parts.Length > 1 ? parts[1] : "");
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The configuration file {Path} cannot be read: {Problem}")]
    private partial void LogNotRead(string path, string problem);

    private sealed class End(Action end) : IAsyncDisposable
    {
        public ValueTask DisposeAsync()
        {
            end();
            return default;
        }
    }
}
