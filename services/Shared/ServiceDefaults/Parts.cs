namespace Lavka.ServiceDefaults;

/// <summary>Documents that are read and saved together with an aggregate, in the same transaction: all or none.</summary>
/// <typeparam name="T">The documents' type.</typeparam>
public sealed class Parts<T>
    where T : class
{
    private readonly IReadOnlyCollection<string> _keys;
    private readonly Documents _read;

    internal Parts(IReadOnlyCollection<string> keys, Documents read) => (_keys, _read) = (keys, read);

    internal Dictionary<string, T> Changed { get; } = [];

    /// <summary>The document of a key that was asked for, or null.</summary>
    public T? this[string key] => Changed.GetValueOrDefault(key) ?? (_keys.Contains(key) ? _read.Find<T>(key) : throw new KeyNotFoundException($"'{key}' was not asked for."));

    /// <summary>Saves a document if the change is made.</summary>
    public void Set(string key, T value) => Changed[key] = value;
}
