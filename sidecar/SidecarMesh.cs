using System.Collections.Concurrent;
using System.Collections.Immutable;

namespace Lavka.Sidecar;

/// <summary>
/// Sidecars of one process that belong together: they find each other by app id, share in-memory brokers and logs, and place actors among themselves. Several with one app id are
/// instances of that app: invocations go to them in turn, and each of its actors lives at one of them. The mesh must outlive its sidecars.
/// </summary>
public sealed class SidecarMesh
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, (IAsyncDisposable What, HashSet<object> Users)> _shared = [];
    private readonly ConcurrentDictionary<string, uint> _turns = new();
    private volatile ImmutableList<Sidecar> _sidecars = [];

    internal IReadOnlyList<Sidecar> Sidecars => _sidecars;

    /// <summary>An instance of an app. One whose app is away is only named if there is no other.</summary>
    internal Sidecar? Find(string appId) => Instances(sidecar => sidecar.AppId == appId) switch
    {
        [] => null,
        [var only] => only,

        // A turn of its own for each app: whoever alternates between two apps still gets to all instances of both.
        var instances => instances[(int)(_turns.AddOrUpdate(appId, 0, (_, turn) => turn + 1) % instances.Count)],
    };

    /// <summary>The sidecar at which an actor lives: the same for everybody, until instances come or go. Null: nobody hosts the type.</summary>
    internal Sidecar? HostOf(string type, string id) => Instances(sidecar => sidecar.Actors.Hosts(type)) switch
    {
        [] => null,
        [var only] => only,

        // Rendezvous hashing: when one goes, only its actors move.
        var hosts => hosts.MaxBy(host => HashCode.Combine(id, host.InstanceId)),
    };

    internal void Join(Sidecar sidecar) => Change(sidecars => sidecars.Add(sidecar));

    /// <summary>The other instances of the app take over from now on: this one is no host any more and gets no invocations, but is there until it leaves. False: there is no other.</summary>
    internal bool HandOver(Sidecar sidecar)
    {
        lock (_lock)
        {
            sidecar.IsLeaving = _sidecars.Exists(other => other != sidecar && other.AppId == sidecar.AppId && other is { IsLeaving: false, IsAppAvailable: true });
        }

        if (sidecar.IsLeaving)
        {
            TellPlacement(sidecar.AppId);
        }

        return sidecar.IsLeaving;
    }

    internal void Leave(Sidecar sidecar)
    {
        Change(sidecars => sidecars.Remove(sidecar));
        TellPlacement(sidecar.AppId);
    }

    /// <summary>The sidecars of an app, ready or not, leaving or not.</summary>
    internal IEnumerable<Sidecar> Of(string appId) => Sidecars.Where(sidecar => sidecar.AppId == appId);

    /// <summary>An instance of the app is there now, or away: reminders of its actors may be somebody else's to fire.</summary>
    internal void TellPlacement(string appId)
    {
        foreach (var sidecar in Of(appId))
        {
            _ = sidecar.Actors.FollowPlacement();
        }
    }

    /// <summary>What goes by this key, made by the first who asks and closed when the last user has closed it.</summary>
    internal T Share<T>(object user, string key, Func<T> make)
        where T : IAsyncDisposable
    {
        lock (_lock)
        {
            if (!_shared.TryGetValue(key, out var entry))
            {
                _shared[key] = entry = (make(), []);
            }

            entry.Users.Add(user);
            return (T)entry.What;
        }
    }

    /// <summary>Closes what a sidecar uses, unless others share it.</summary>
    internal ValueTask Release(object user, IAsyncDisposable what)
    {
        lock (_lock)
        {
            var (key, entry) = _shared.FirstOrDefault(pair => ReferenceEquals(pair.Value.What, what));
            if (key is null)
            {
                return what.DisposeAsync();
            }

            entry.Users.Remove(user);
            if (entry.Users.Count > 0)
            {
                return default;
            }

            _shared.Remove(key);
        }

        return what.DisposeAsync();
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
        var all = Sidecars.Where(sidecar => !sidecar.IsLeaving && which(sidecar)).ToList();
        return all.Count > 1 && all.FindAll(sidecar => sidecar.IsAppAvailable) is { Count: > 0 } available ? available : all;
    }
}
