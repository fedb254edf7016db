namespace Lavka.Sidecar.Scheduling;

/// <summary>Fires schedules when they are due. One loop and one clock for all of them, however many there are.</summary>
internal sealed class Scheduler : IAsyncDisposable
{
    private readonly TimeProvider _time;
    private readonly Func<Schedule, CancellationToken, Task<Schedule?>> _fire;
    private readonly Action<Schedule, Exception> _failed;
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Type, string Id, string Name), Schedule> _schedules = [];
    private readonly PriorityQueue<Schedule, DateTimeOffset> _queue = new();
    private readonly SemaphoreSlim _changed = new(0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;

    /// <param name="time">The clock.</param>
    /// <param name="fire">Fires one and answers how it goes on; null: not at all. What throws fires again.</param>
    /// <param name="failed">Told of what was thrown.</param>
    public Scheduler(TimeProvider time, Func<Schedule, CancellationToken, Task<Schedule?>> fire, Action<Schedule, Exception> failed)
    {
        (_time, _fire, _failed) = (time, fire, failed);
        _loop = Task.Run(Loop);
    }

    public void Add(Schedule schedule, bool onlyIfNew = false)
    {
        lock (_lock)
        {
            if (onlyIfNew && _schedules.ContainsKey(Key(schedule)))
            {
                return;
            }

            _schedules[Key(schedule)] = schedule;
            _queue.Enqueue(schedule, schedule.Next);
        }

        _changed.Release();
    }

    /// <summary>Whether this is still the schedule of its name: it has been neither removed nor replaced.</summary>
    public bool Holds(Schedule schedule)
    {
        lock (_lock)
        {
            return _schedules.TryGetValue(Key(schedule), out var current) && ReferenceEquals(current, schedule);
        }
    }

    public void Remove(string type, string id, string name)
    {
        lock (_lock)
        {
            _schedules.Remove((type, id, name));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
        _changed.Dispose();
    }

    private static (string Type, string Id, string Name) Key(Schedule schedule) => (schedule.Type, schedule.Id, schedule.Name);

    private async Task Loop()
    {
        try
        {
            var changed = _changed.WaitAsync(_stop.Token);
            while (true)
            {
                var (due, next) = Next();
                if (due is not null)
                {
                    _ = Fire(due);
                    continue;
                }

                // The wait for changes goes on from round to round: one that is cancelled can still take a change with it.
                using var enough = new CancellationTokenSource();
                if (await Task.WhenAny(_time.WaitUntil(next, enough.Token), changed) == changed)
                {
                    _stop.Token.ThrowIfCancellationRequested();
                    changed = _changed.WaitAsync(_stop.Token);
                }

                await enough.CancelAsync();
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }

    /// <summary>What is due now, or when the next one is.</summary>
    private (Schedule? Due, DateTimeOffset Next) Next()
    {
        lock (_lock)
        {
            while (_queue.TryPeek(out var first, out var at))
            {
                // Replaced or removed since it was queued.
                if (!_schedules.TryGetValue(Key(first), out var current) || !ReferenceEquals(current, first))
                {
                    _queue.Dequeue();
                    continue;
                }

                return at > _time.GetUtcNow() ? (null, at) : (_queue.Dequeue(), default);
            }

            return (null, DateTimeOffset.MaxValue);
        }
    }

    private async Task Fire(Schedule schedule)
    {
        Schedule? next;
        try
        {
            next = await _fire(schedule, _stop.Token);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            return;
        }
        catch (Exception e)
        {
            // Not lost: it fires again.
            _failed(schedule, e);
            next = schedule with { Next = _time.GetUtcNow() + TimeSpan.FromSeconds(1) };
        }

        lock (_lock)
        {
            if (!_schedules.TryGetValue(Key(schedule), out var current) || !ReferenceEquals(current, schedule))
            {
                return;
            }

            if (next is null)
            {
                _schedules.Remove(Key(schedule));
                return;
            }

            _schedules[Key(schedule)] = next;
            _queue.Enqueue(next, next.Next);
        }

        if (!_stop.IsCancellationRequested)
        {
            _changed.Release();
        }
    }
}
