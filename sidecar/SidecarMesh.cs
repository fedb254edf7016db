using System.Collections.Immutable;

namespace Lavka.Sidecar;

/// <summary>
/// Sidecars of one process that belong together: they find each other by app id, share in-memory brokers and logs, and place actors among themselves. Several with one app id are
/// instances of that app: invocations go to them in turn, and each of its actors lives at one of them. The mesh must outlive its sidecars.
/// </summary>
public sealed class SidecarMesh
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, (IComponent Component, HashSet<object> Users)> _shared = [];
    private volatile ImmutableList<Sidecar> _sidecars = [];
    private uint _turn;

    internal IReadOnlyList<Sidecar> Sidecars => _sidecars;

    /// <summary>An instance of an app. One whose app is away is only named if there is no other.</summary>
    internal Sidecar? Find(string appId) => Instances(sidecar => sidecar.AppId == appId) is { Count: > 0 } instances ? instances[(int)(Interlocked.Increment(ref _turn) % instances.Count)] : null;

    /// <summary>The sidecar at which an actor lives: the same for everybody, until instances come or go. Null: nobody hosts the type.</summary>
    internal Sidecar? HostOf(string type, string id) => Instances(sidecar => sidecar.Actors.Hosts(type)) switch
    {
        [] => null,
        [var only] => only,

        // Rendezvous hashing: when one goes, only its actors move.
        var hosts => hosts.MaxBy(host => HashCode.Combine(id, host.InstanceId)),
    };

    internal void Join(Sidecar sidecar) => Change(sidecars => sidecars.Add(sidecar));

    internal void Leave(Sidecar sidecar)
    {
        Change(sidecars => sidecars.Remove(sidecar));
        TellPlacement();
    }

    /// <summary>An instance is there now, or away: reminders of actors may be somebody else's to fire.</summary>
    internal void TellPlacement()
    {
        foreach (var sidecar in Sidecars)
        {
            _ = sidecar.Actors.FollowPlacement();
        }
    }

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

    private void Change(Func<ImmutableList<Sidecar>, ImmutableList<Sidecar>> change)
    {
        lock (_lock)
        {
            _sidecars = change(_sidecars);
        }
    }

    private List<Sidecar> Instances(Func<Sidecar, bool> which)
    {
        var all = Sidecars.Where(which).ToList();
        return all.Count > 1 && all.FindAll(sidecar => sidecar.IsAppAvailable) is { Count: > 0 } available ? available : all;
    }
}
