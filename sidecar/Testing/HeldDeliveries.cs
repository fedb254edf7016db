namespace Lavka.Sidecar.Testing;

/// <summary>Events of one topic that a test holds back. Disposing of it lets them go, and the later ones pass.</summary>
public sealed class HeldDeliveries : IAsyncDisposable
{
    private static readonly TimeSpan DefaultPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly Lock _lock = new();
    private readonly List<(PublishedEvent Event, Func<Task> Deliver)> _held = [];
    private readonly Action _end;
    private bool _ended;

    internal HeldDeliveries(Action end) => _end = end;

    /// <summary>What is held, in the order it came.</summary>
    public IReadOnlyList<PublishedEvent> Events
    {
        get
        {
            lock (_lock)
            {
                return [.. _held.Select(held => held.Event)];
            }
        }
    }

    /// <summary>Waits until so many are held.</summary>
    /// <exception cref="TimeoutException">There are fewer after 10 seconds, or as long as given.</exception>
    public async Task<IReadOnlyList<PublishedEvent>> WaitFor(int count, TimeSpan? within = null)
    {
        using var patience = new CancellationTokenSource(within ?? DefaultPatience);
        while (Events.Count < count)
        {
            try
            {
                await Task.Delay(Pause / 5, patience.Token);
            }
            catch (OperationCanceledException)
            {
                throw new TimeoutException($"{Events.Count} events are held, not {count}.");
            }
        }

        return Events;
    }

    /// <summary>Delivers what is held, one after the other, in the order of these indexes (from 0), each until the app has taken it. Without indexes: as they came.</summary>
    public async Task Release(params int[] order)
    {
        List<(PublishedEvent Event, Func<Task> Deliver)> now;
        lock (_lock)
        {
            now = order.Length == 0 ? [.. _held] : [.. order.Select(index => _held[index])];
            _held.RemoveAll(now.Contains);
        }

        foreach (var (_, deliver) in now)
        {
            while (!await TryDeliver(deliver))
            {
                await Task.Delay(Pause);
            }
        }
    }

    /// <summary>Ends the holding.</summary>
    public async ValueTask DisposeAsync()
    {
        _end();
        lock (_lock)
        {
            _ended = true;
        }

        await Release();
    }

    /// <summary>False: the holding has ended.</summary>
    internal bool TryAdd(PublishedEvent @event, Func<Task> deliver)
    {
        lock (_lock)
        {
            if (!_ended)
            {
                _held.Add((@event, deliver));
            }

            return !_ended;
        }
    }

    private static async Task<bool> TryDeliver(Func<Task> deliver)
    {
        try
        {
            await deliver();
            return true;
        }
        catch (OperationCanceledException)
        {
            // The sidecar has ended: nobody is left to take it.
            return true;
        }
        catch (PubSub.DeliveryException)
        {
            return false;
        }
    }
}
