using Grpc.Core;

namespace Lavka.Sidecar.Actors;

/// <summary>One active actor: its callers take turns, in the order they came. A call that carries the reentrancy id of the running turn joins it.</summary>
internal sealed class ActorTurns(TimeProvider time)
{
    private readonly SemaphoreSlim _turn = new(1);
    private readonly Lock _lock = new();
    private string? _running;
    private int _depth;
    private int _waiting;
    private bool _closed;

    public DateTimeOffset LastUsed { get; private set; } = time.GetUtcNow();

    /// <summary>Takes no more turns from now on. False: it is closed already, there is a turn, or somebody waits for one.</summary>
    public bool TryClose()
    {
        lock (_lock)
        {
            return !_closed && (_closed = _turn.CurrentCount == 1 && _waiting == 0);
        }
    }

    /// <summary>Takes no more turns from now on, whoever has one or waits.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _closed = true;
        }
    }

    /// <summary>Waits for the turn; dispose of the result to end it. Null: closed, the actor is being deactivated.</summary>
    /// <exception cref="ActorException">The turn has called itself too often.</exception>
    public async Task<Turn?> Take(string? reentrancyId, int maxDepth, CancellationToken stop)
    {
        lock (_lock)
        {
            if (reentrancyId is not null && reentrancyId == _running)
            {
                if (_depth >= maxDepth)
                {
                    throw new ActorException("ERR_ACTOR_STACK_DEPTH", "maximum stack depth exceeded") { Code = StatusCode.ResourceExhausted };
                }

                _depth++;
                return new Turn(this, reentrancyId);
            }

            if (_closed)
            {
                return null;
            }

            _waiting++;
        }

        try
        {
            await _turn.WaitAsync(stop);
        }
        finally
        {
            lock (_lock)
            {
                _waiting--;
            }
        }

        lock (_lock)
        {
            if (_closed)
            {
                _turn.Release();
                return null;
            }

            _running = reentrancyId;
            _depth = 1;
            LastUsed = time.GetUtcNow();
        }

        return new Turn(this, reentrancyId);
    }

    private void End()
    {
        lock (_lock)
        {
            if (--_depth > 0)
            {
                return;
            }

            _running = null;
            LastUsed = time.GetUtcNow();
        }

        _turn.Release();
    }

    /// <summary>Somebody's turn, until it is disposed of.</summary>
    public sealed class Turn(ActorTurns turns, string? reentrancyId) : IDisposable
    {
        /// <summary>What a call must carry to join the turn; null: none can.</summary>
        public string? ReentrancyId => reentrancyId;

        public void Dispose() => turns.End();
    }
}
