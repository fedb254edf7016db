using Lavka.Sidecar.Cel;

namespace Lavka.Sidecar.Resiliency;

/// <summary>A circuit breaker is open, or half open and busy. Retries stop at it.</summary>
internal sealed class CircuitBreakerException(string message) : Exception(message);

/// <summary>How a breaker behaves (Dapr: operations/resiliency/policies/circuit-breakers).</summary>
/// <param name="MaxRequests">How many requests may pass while it is half open, and must succeed to close it.</param>
/// <param name="Interval">How often a closed breaker forgets its counts; zero: never.</param>
/// <param name="Timeout">How long it stays open.</param>
/// <param name="Trip">When it opens; null: after more than five failures in a row.</param>
internal sealed record CircuitBreakerSpec(int MaxRequests, TimeSpan Interval, TimeSpan Timeout, CelExpression? Trip);

/// <summary>Refuses calls to a target that keeps failing.</summary>
internal sealed class CircuitBreaker(CircuitBreakerSpec spec, TimeProvider time)
{
    private enum State { Closed, HalfOpen, Open }

    private readonly Lock _lock = new();
    private State _state;
    private DateTimeOffset _until = Forgets(spec, time);
    private long _generation;
    private long _requests, _successes, _failures, _successesInARow, _failuresInARow;

    /// <summary>Asks to pass; the answer goes to <see cref="Report"/> with the outcome.</summary>
    /// <exception cref="CircuitBreakerException">Not now.</exception>
    public long Enter()
    {
        lock (_lock)
        {
            Advance();
            if (_state == State.Open)
            {
                throw new CircuitBreakerException("circuit breaker is open");
            }

            if (_state == State.HalfOpen && _requests >= spec.MaxRequests)
            {
                throw new CircuitBreakerException("too many requests");
            }

            _requests++;
            return _generation;
        }
    }

    /// <summary>Tells how a call that passed ended. One that began in an earlier state does not count any more.</summary>
    public void Report(long generation, bool succeeded)
    {
        lock (_lock)
        {
            Advance();
            if (generation != _generation)
            {
                return;
            }

            if (succeeded)
            {
                _successes++;
                _successesInARow++;
                _failuresInARow = 0;
                if (_state == State.HalfOpen && _successesInARow >= spec.MaxRequests)
                {
                    Become(State.Closed, Forgets(spec, time));
                }
            }
            else
            {
                _failures++;
                _failuresInARow++;
                _successesInARow = 0;
                if (_state == State.HalfOpen || Trips())
                {
                    Become(State.Open, time.GetUtcNow() + spec.Timeout);
                }
            }
        }
    }

    private static DateTimeOffset Forgets(CircuitBreakerSpec spec, TimeProvider time) =>
        spec.Interval > TimeSpan.Zero ? time.GetUtcNow() + spec.Interval : DateTimeOffset.MaxValue;

    private void Advance()
    {
        if (time.GetUtcNow() < _until)
        {
            return;
        }

        if (_state == State.Open)
        {
            Become(State.HalfOpen, DateTimeOffset.MaxValue);
        }
        else if (_state == State.Closed)
        {
            Become(State.Closed, Forgets(spec, time));
        }
    }

    private void Become(State state, DateTimeOffset until)
    {
        _state = state;
        _until = until;
        _generation++;
        _requests = _successes = _failures = _successesInARow = _failuresInARow = 0;
    }

    private bool Trips()
    {
        if (spec.Trip is null)
        {
            return _failuresInARow > 5;
        }

        try
        {
            return spec.Trip.IsTrue(name => name switch
            {
                "requests" => _requests,
                "totalSuccesses" => _successes,
                "totalFailures" => _failures,
                "consecutiveSuccesses" => _successesInARow,
                "consecutiveFailures" => _failuresInARow,
                _ => throw new CelException($"undeclared reference to '{name}'"),
            });
        }
        catch (CelException)
        {
            return false;
        }
    }
}
