using Lavka.Sidecar.Go;

namespace Lavka.Sidecar.State;

/// <summary><c>state.in-memory</c>: gone with the process. An ETag given is always honoured, whatever the concurrency option says, as in daprd.</summary>
internal sealed class InMemoryStateStore(TimeProvider time) : IStateStore
{
    private readonly Dictionary<string, StateItem> _items = [];
    private readonly Lock _lock = new();

    public IReadOnlyList<string> Capabilities { get; } = ["ETAG", "TRANSACTIONAL", "TTL", "DELETE_WITH_PREFIX", "KEYS_LIKE", "ACTOR"];

    public ValueTask<StateItem?[]> Get(IReadOnlyList<string> keys, CancellationToken stop)
    {
        var found = new StateItem?[keys.Count];
        lock (_lock)
        {
            for (var i = 0; i < found.Length; i++)
            {
                found[i] = Live(keys[i]);
            }
        }

        return new(found);
    }

    public long TtlSeconds(string text) => GoNumber.ParseInt(text, "Atoi");

    public ValueTask Apply(IReadOnlyList<StateOperation> operations, CancellationToken stop)
    {
        lock (_lock)
        {
            foreach (var operation in operations)
            {
                Check(operation);
            }

            foreach (var operation in operations)
            {
                if (operation.Value is null)
                {
                    _items.Remove(operation.Key);
                }
                else
                {
                    _items[operation.Key] = new(operation.Value, Guid.NewGuid().ToString(), time.GetUtcNow() + operation.Ttl);
                }
            }
        }

        return default;
    }

    public ValueTask<IReadOnlyList<KeyValuePair<string, byte[]>>> Scan(string prefix, CancellationToken stop)
    {
        lock (_lock)
        {
            return new([.. _items
                .Where(item => item.Key.StartsWith(prefix, StringComparison.Ordinal) && Live(item.Key) is not null)
                .Select(item => KeyValuePair.Create(item.Key, item.Value.Value))]);
        }
    }

    /// <summary>Forgets everything.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            _items.Clear();
        }
    }

    public ValueTask DisposeAsync() => default;

    private StateItem? Live(string key)
    {
        if (!_items.TryGetValue(key, out var item))
        {
            return null;
        }

        if (item.Expires < time.GetUtcNow())
        {
            _items.Remove(key);
            return null;
        }

        return item;
    }

    private void Check(StateOperation operation)
    {
        var current = Live(operation.Key);
        if (operation.ETag is { } expected)
        {
            if (current is null)
            {
                throw new ETagMismatchException($"state not exist or expired for key={operation.Key}");
            }

            if (current.ETag != expected)
            {
                throw new ETagMismatchException($"state etag not match for key={operation.Key}: current={current.ETag}, expect={expected}");
            }
        }
        else if (operation.FirstWrite && current is not null)
        {
            throw new ETagMismatchException("item already exists and no etag was passed");
        }
    }
}
