namespace Lavka.ServiceDefaults;

/// <summary>A change that waits to be made, together with others.</summary>
internal abstract class PendingChange(string key, IReadOnlyCollection<string> partKeys, CancellationToken stop)
{
    // What is decided belongs to who asked: the event that is its cause, the trace it is in.
    private readonly ExecutionContext? _context = ExecutionContext.Capture();

    public string Key => key;

    public IReadOnlyCollection<string> PartKeys => partKeys;

    public IEnumerable<string> Keys => partKeys.Append(key);

    public bool IsAbandoned => stop.IsCancellationRequested;

    /// <summary>How often it was decided, and somebody else was first.</summary>
    public int Conflicts { get; set; }

    /// <summary>Why it is not made: it breaks a rule, or cannot be decided.</summary>
    public Exception? Refusal { get; private set; }

    /// <summary>Whether there is something to save.</summary>
    public abstract bool IsChanged { get; }

    /// <summary>Whether the change saves this document.</summary>
    public abstract bool Writes(string document);

    /// <summary>Decides on what there is, without making the change.</summary>
    public void Decide(Documents documents)
    {
        Refusal = null;
        try
        {
            if (_context is null)
            {
                DecideNow(documents);
            }
            else
            {
                ExecutionContext.Run(_context, _ => DecideNow(documents), null);
            }
        }
        catch (Exception e)
        {
            Refusal = e;
        }
    }

    /// <summary>Makes the change in the documents.</summary>
    /// <returns>The event that tells of it, and how the aggregate waits if it did not before.</returns>
    public abstract (StoredEvent? Tells, Waiting? Waits) Make(Documents documents);

    /// <summary>It is saved, or there was nothing to save.</summary>
    /// <param name="told">Completes when its event is told, or is left to be told later.</param>
    public abstract void Complete(Task told);

    /// <summary>It is not made.</summary>
    public abstract void Fail(Exception problem);

    protected abstract void DecideNow(Documents documents);
}

/// <summary>An aggregate that begins to wait.</summary>
internal sealed record Waiting(string Key, long Version, IAwaiting Aggregate);

/// <inheritdoc cref="PendingChange"/>
internal sealed class PendingChange<T, TPart>(string key, IReadOnlyCollection<string> partKeys, Func<T?, Parts<TPart>, Change<T>> decide, CancellationToken stop)
    : PendingChange(key, partKeys, stop)
    where T : class
    where TPart : class
{
    private readonly TaskCompletionSource<(T? State, StoredEvent? Answer, Task Told)> _made = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private StoredAggregate<T>? _aggregate;
    private StoredEvent? _tells;
    private Change<T> _change = null!;
    private Parts<TPart> _parts = null!;

    /// <summary>The aggregate after the change; the answer that a repeat gets; and when the change's event is told.</summary>
    public Task<(T? State, StoredEvent? Answer, Task Told)> Made => _made.Task;

    public override bool IsChanged => Refusal is null && _change.IsChanged;

    public override bool Writes(string document) => document == Key || _parts.Changed.ContainsKey(document);

    public override (StoredEvent? Tells, Waiting? Waits) Make(Documents documents)
    {
        var version = (_aggregate?.Version ?? 0) + 1;
        documents.Set(Key, new StoredAggregate<T>(_change.State!, version), _change.KeptFor);
        foreach (var (part, value) in _parts.Changed)
        {
            documents.Set(part, value);
        }

        return (_tells, _change.State is IAwaiting { IsWaiting: true } waits && _aggregate?.State is not IAwaiting { IsWaiting: true } ? new(Key, version, waits) : null);
    }

    public override void Complete(Task told) => _made.TrySetResult(IsChanged ? (_change.State, null, told) : (_aggregate?.State, _tells, told));

    public override void Fail(Exception problem)
    {
        _made.TrySetException(problem);

        // Nobody may be waiting any more.
        _ = _made.Task.Exception;
    }

    protected override void DecideNow(Documents documents)
    {
        _aggregate = documents.Find<StoredAggregate<T>>(Key);
        _parts = new(PartKeys, documents);
        _change = decide(_aggregate?.State, _parts);
        var version = _aggregate?.Version ?? 0;
        _tells = _change.Tells is null ? null : _change.IsChanged ? StoredEvent.From(Key, version + 1, _change.Tells) : StoredEvent.Again(Key, version, _change.Tells);
    }
}
