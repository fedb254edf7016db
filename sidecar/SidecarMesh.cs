using System.Collections.Concurrent;

namespace Lavka.Sidecar;

/// <summary>
/// Sidecars of one process that belong together: they find each other by app id, share in-memory brokers and logs, and place actors among themselves.
/// The mesh must outlive its sidecars.
/// </summary>
public sealed class SidecarMesh
{
    private readonly ConcurrentDictionary<string, Sidecar> _sidecars = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<string, (IComponent Component, HashSet<object> Users)> _shared = [];

    internal IEnumerable<Sidecar> Sidecars => _sidecars.Values;

    internal Sidecar? Find(string appId) => _sidecars.GetValueOrDefault(appId);

    internal void Join(Sidecar sidecar)
    {
        if (!_sidecars.TryAdd(sidecar.AppId, sidecar))
        {
            throw new InvalidOperationException($"The mesh has a sidecar with the app id '{sidecar.AppId}' already.");
        }
    }

    internal void Leave(Sidecar sidecar) => _sidecars.TryRemove(KeyValuePair.Create(sidecar.AppId, sidecar));

    /// <summary>The component of this key, made by the first who asks and closed when the last user has closed it.</summary>
    internal T Share<T>(object user, string key, Func<T> make)
        where T : IComponent
    {
        lock (_lock)
        {
            if (!_shared.TryGetValue(key, out var entry))
            {
                _shared[key] = entry = (make(), []);
            }

            entry.Users.Add(user);
            return (T)entry.Component;
        }
    }

    /// <summary>Closes a component of a sidecar, unless others share it.</summary>
    internal ValueTask Release(object user, IComponent component)
    {
        lock (_lock)
        {
            var (key, entry) = _shared.FirstOrDefault(pair => ReferenceEquals(pair.Value.Component, component));
            if (key is null)
            {
                return component.DisposeAsync();
            }

            entry.Users.Remove(user);
            if (entry.Users.Count > 0)
            {
                return default;
            }

            _shared.Remove(key);
        }

        return component.DisposeAsync();
    }
}
