using System.Globalization;

namespace Lavka.Sidecar.Resources;

/// <summary>
/// A component's <c>spec.metadata</c>, with secrets and templates filled in. Names match without regard to case. What a component asks for is what is
/// allowed; the rest is reported once it has started.
/// </summary>
internal sealed class ComponentMetadata(Resource resource, string type, IReadOnlyDictionary<string, string> values, string dataPath, string workingPath = ".")
{
    // Every component may have these: they are the sidecar's, not the component's.
    private readonly HashSet<string> _known = new(StringComparer.OrdinalIgnoreCase)
    {
        "keyPrefix", "actorStateStore", "consumerID", "publishingScopes", "subscriptionScopes", "allowedTopics", "protectedTopics",
        "outboxPublishPubsub", "outboxPublishTopic", "outboxPubsub", "outboxDiscardWhenMissingState",
    };

    private readonly Dictionary<string, string> _values = new(values, StringComparer.OrdinalIgnoreCase);

    /// <summary>The component's name.</summary>
    public string Name => resource.Name;

    /// <summary>The component's type, for example <c>state.sqlite</c>.</summary>
    public string Type => type;

    /// <summary>Fields given that nothing has asked for.</summary>
    public IEnumerable<string> Unknown => _values.Keys.Where(name => !_known.Contains(name));

    /// <summary>The fields something has asked for.</summary>
    public IEnumerable<string> Known => _known.Order(StringComparer.OrdinalIgnoreCase);

    public string? Find(params ReadOnlySpan<string> names)
    {
        string? found = null;
        foreach (var name in names)
        {
            _known.Add(name);
            found ??= _values.GetValueOrDefault(name) is { Length: > 0 } value ? value : null;
        }

        return found;
    }

    public string Get(string name, string otherwise) => Find(name) ?? otherwise;

    /// <summary>A field that must be there, under one of these names.</summary>
    public string Required(params ReadOnlySpan<string> names) =>
        Find(names) ?? throw resource.Error($"the metadata field '{names[0]}' of {type} is required.");

    public bool Flag(string name, bool otherwise = false) => Find(name) is { } value ? YamlNodes.IsTrue(value) : otherwise;

    public int Number(string name, int otherwise, int least = 0, int most = int.MaxValue) =>
        Find(name) is not { } value ? otherwise
        : int.TryParse(value, CultureInfo.InvariantCulture, out var number) && number >= least && number <= most ? number
        : throw Invalid(name, most == int.MaxValue ? $"a whole number from {least}" : $"a whole number from {least} to {most}");

    /// <summary>A duration in Go's notation, or a number of seconds.</summary>
    public TimeSpan Duration(string name, TimeSpan otherwise, string? alias = null) =>
        (alias is null ? Find(name) : Find(name, alias)) is not { } value ? otherwise
        : double.TryParse(value, CultureInfo.InvariantCulture, out var seconds) ? TimeSpan.FromSeconds(seconds)
        : Durations.TryParseGo(value, out var duration) ? duration
        : throw Invalid(name, "a duration such as 30s or 168h");

    /// <summary>A file the component reads; a relative path counts from <see cref="SidecarOptions.WorkingPath"/>.</summary>
    public string InputPath(string path) => System.IO.Path.GetFullPath(path, System.IO.Path.GetFullPath(workingPath));

    /// <summary>A file the component writes; a relative path counts from <see cref="SidecarOptions.DataPath"/>.</summary>
    public string DataPath(string path) => System.IO.Path.GetFullPath(path, dataPath);

    /// <summary>An error in this component that is about more than one value, or about one that must not be shown.</summary>
    public ResourceException Error(string problem) => resource.Error(problem);

    public ResourceException Invalid(string name, string allowed) =>
        resource.Error($"the metadata field '{name}' of {type} is '{_values.GetValueOrDefault(name)}'; allowed is {allowed}.");
}
