namespace Lavka.Sidecar.Testing;

/// <summary>
/// A clock that a test moves: timers, reminders, TTLs and retries that become due on the way fire. What repeats may fire less often than it would have in all that
/// time: move in steps of its period to see each.
/// </summary>
/// <param name="running">Whether it goes on by itself between the moves, beginning now; otherwise it stands still, beginning with 2026.</param>
public sealed class TestClock(bool running = true) : TimeProvider
{
    private readonly Lock _lock = new();
    private readonly List<Timer> _timers = [];
    private readonly DateTimeOffset _start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private TimeSpan _moved;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow()
    {
        lock (_lock)
        {
            return Now;
        }
    }

    /// <inheritdoc/>
    public override long GetTimestamp() => GetUtcNow().Ticks;

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    private DateTimeOffset Now => (running ? System.GetUtcNow() : _start) + _moved;

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new Timer(this, callback, state);
        timer.Change(dueTime, period);
        return timer;
    }

    /// <summary>Moves on.</summary>
    public void Advance(TimeSpan by)
    {
        var until = GetUtcNow() + by;
        while (true)
        {
            Timer? next;
            lock (_lock)
            {
                next = _timers.Where(timer => timer.Due <= until).MinBy(timer => timer.Due);
                var now = next is null ? until : next.Due;
                if (now > Now)
                {
                    _moved += now - Now;
                }
            }

            if (next is null)
            {
                return;
            }

            next.Fire(until);
        }
    }

    private sealed class Timer : ITimer
    {
        private readonly TestClock _clock;
        private readonly TimerCallback _callback;
        private readonly object? _state;
        private readonly ITimer? _real;
        private TimeSpan _period;

        public Timer(TestClock clock, TimerCallback callback, object? state)
        {
            (_clock, _callback, _state) = (clock, callback, state);
            _real = clock.IsRunning ? System.CreateTimer(_ => Fire(clock.GetUtcNow()), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan) : null;
        }

        public DateTimeOffset Due { get; private set; } = DateTimeOffset.MaxValue;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (_clock._lock)
            {
                _period = period;
                Due = dueTime < TimeSpan.Zero ? DateTimeOffset.MaxValue : _clock.Now + dueTime;
                if (!_clock._timers.Contains(this))
                {
                    _clock._timers.Add(this);
                }

                Arm();
            }

            return true;
        }

        /// <summary>Calls back if it is due by then.</summary>
        public void Fire(DateTimeOffset until)
        {
            lock (_clock._lock)
            {
                if (Due > until || !_clock._timers.Contains(this))
                {
                    Arm();
                    return;
                }

                Due = _period > TimeSpan.Zero ? Due + _period : DateTimeOffset.MaxValue;
                Arm();
            }

            _callback(_state);
        }

        public void Dispose()
        {
            lock (_clock._lock)
            {
                _clock._timers.Remove(this);
            }

            _real?.Dispose();
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return default;
        }

        private void Arm()
        {
            if (_real is not null && Due < DateTimeOffset.MaxValue)
            {
                var wait = Due - _clock.Now;
                _real.Change(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
            }
        }
    }

    private bool IsRunning => running;
}
