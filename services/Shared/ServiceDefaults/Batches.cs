using System.Collections.Concurrent;

namespace Lavka.ServiceDefaults;

/// <summary>Works off what is added, in batches, one after the other: while one is on its way the next gathers. What comes alone does not wait.</summary>
/// <param name="most">How many a batch has at most.</param>
/// <param name="work">Works a batch off; it does not throw.</param>
internal sealed class Batches<T>(int most, Func<IReadOnlyList<T>, Task> work)
{
    private readonly ConcurrentQueue<T> _waiting = new();
    private int _isWorking;

    public void Add(T item)
    {
        _waiting.Enqueue(item);
        if (Interlocked.Exchange(ref _isWorking, 1) == 0)
        {
            // It works for all, not in the name of who came first.
            using var flow = ExecutionContext.IsFlowSuppressed() ? default : ExecutionContext.SuppressFlow();
            _ = Task.Run(WorkOff);
        }
    }

    private async Task WorkOff()
    {
        do
        {
            while (Next() is { Count: > 0 } batch)
            {
                await work(batch);
            }

            Volatile.Write(ref _isWorking, 0);
        }
        while (!_waiting.IsEmpty && Interlocked.Exchange(ref _isWorking, 1) == 0);
    }

    private List<T> Next()
    {
        var batch = new List<T>();
        while (batch.Count < most && _waiting.TryDequeue(out var item))
        {
            batch.Add(item);
        }

        return batch;
    }
}
