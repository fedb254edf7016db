using System.Collections.Concurrent;
using Lavka.Sidecar.PubSub;

namespace Lavka.Sidecar.Testing;

/// <summary>
/// A test's hand on the brokers of one or more sidecars: it sees what is published, and makes deliveries fail, come late, twice or in another order, or takes the
/// brokers away. Whatever component is configured stays underneath.
/// </summary>
public sealed class TestBroker
{
    private static readonly TimeSpan DefaultPatience = TimeSpan.FromSeconds(10);

    private enum Fault { Fail, Delay, Duplicate }

    private sealed record PlannedFault(Fault Fault, string Topic, TimeSpan Delay)
    {
        public int Left { get; set; }
    }

    private readonly Lock _lock = new();
    private readonly List<PublishedEvent> _published = [];
    private readonly List<PlannedFault> _faults = [];
    private readonly ConcurrentDictionary<string, HeldDeliveries> _held = new();
    private TaskCompletionSource _changed = New();
    private TaskCompletionSource _there = Done();
    private readonly Dictionary<string, int> _accepted = [];
    private int _loseOneIn;

    /// <summary>Everything published so far, in order, whoever published it.</summary>
    public IReadOnlyList<PublishedEvent> Published
    {
        get
        {
            lock (_lock)
            {
                return [.. _published];
            }
        }
    }

    /// <summary>Waits for an event, published before or after the call.</summary>
    /// <param name="topic">Its topic.</param>
    /// <param name="matches">Which one; null: any.</param>
    /// <param name="within">How long to wait, 10 seconds by default.</param>
    /// <exception cref="TimeoutException">There was none; the message shows those there were.</exception>
    public async Task<PublishedEvent> WaitFor(string topic, Func<PublishedEvent, bool>? matches = null, TimeSpan? within = null)
    {
        using var patience = new CancellationTokenSource(within ?? DefaultPatience);
        while (true)
        {
            Task changed;
            lock (_lock)
            {
                if (_published.Find(one => one.Topic == topic && (matches is null || matches(one))) is { } found)
                {
                    return found;
                }

                changed = _changed.Task;
            }

            try
            {
                await changed.WaitAsync(patience.Token);
            }
            catch (OperationCanceledException)
            {
                throw new TimeoutException($"No such event of topic '{topic}' was published. There were:\n{string.Join('\n', Published)}");
            }
        }
    }

    /// <summary>The next deliveries of a topic fail, as if the app had answered 500; resiliency policies, the broker and dead letters do what they do then.</summary>
    public void Fail(string topic, int times = 1) => Plan(new(Fault.Fail, topic, default) { Left = times });

    /// <summary>The next deliveries of a topic come late, by the machine's clock.</summary>
    public void Delay(string topic, TimeSpan by, int times = 1) => Plan(new(Fault.Delay, topic, by) { Left = times });

    /// <summary>The next deliveries of a topic come twice, one after the other.</summary>
    public void Duplicate(string topic, int times = 1) => Plan(new(Fault.Duplicate, topic, default) { Left = times });

    /// <summary>Takes the topic's events out of the broker from now on, to be delivered when the test says, in the order it says.</summary>
    public HeldDeliveries Hold(string topic) => _held.GetOrAdd(topic, _ => new(() => _held.TryRemove(topic, out HeldDeliveries? _)));

    /// <summary>Of each type of event the brokers accept, from now on, the first of so many and lose it, as a broker does that is restarted before it has written; its publisher is told of success.</summary>
    /// <param name="one">Of how many one is lost; 0: none any more.</param>
    public void LoseOneIn(int one)
    {
        lock (_lock)
        {
            _loseOneIn = one;
            _accepted.Clear();
        }
    }

    /// <summary>The brokers are away: publishing fails, nothing is delivered.</summary>
    public void TakeAway()
    {
        lock (_lock)
        {
            _there = _there.Task.IsCompleted ? New() : _there;
        }
    }

    /// <summary>The brokers are back: deliveries go on.</summary>
    public void GiveBack()
    {
        lock (_lock)
        {
            _there.TrySetResult();
        }
    }

    internal IPubSub Around(string name, IPubSub broker) => new Decorated(this, name, broker);

    /// <summary>Brings an event to the app with the faults that are planned for it.</summary>
    internal async ValueTask<T> Deliver<T>(string topic, Func<ValueTask<T>> deliver, Func<T> fail, CancellationToken stop)
    {
        if (Take(Fault.Delay, topic) is { } delay)
        {
            await Task.Delay(delay.Delay, stop);
        }

        if (Take(Fault.Fail, topic) is not null)
        {
            return fail();
        }

        var result = await deliver();
        return Take(Fault.Duplicate, topic) is null ? result : await deliver();
    }

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private static TaskCompletionSource Done()
    {
        var done = New();
        done.SetResult();
        return done;
    }

    private void Plan(PlannedFault fault)
    {
        lock (_lock)
        {
            _faults.Add(fault);
        }
    }

    private PlannedFault? Take(Fault kind, string topic)
    {
        lock (_lock)
        {
            var fault = _faults.Find(one => one.Fault == kind && one.Topic == topic && one.Left > 0);
            if (fault is not null)
            {
                fault.Left--;
            }

            return fault;
        }
    }

    private Task There
    {
        get
        {
            lock (_lock)
            {
                return _there.Task;
            }
        }
    }

    /// <summary>Whether this event, which has been accepted, is to be lost.</summary>
    private bool IsLost(PublishedEvent accepted)
    {
        lock (_lock)
        {
            if (_loseOneIn == 0)
            {
                return false;
            }

            var type = accepted.Type ?? "";
            var before = _accepted.GetValueOrDefault(type);
            _accepted[type] = before + 1;
            return before % _loseOneIn == 0;
        }
    }

    private void Remember(IEnumerable<PublishedEvent> events)
    {
        lock (_lock)
        {
            _published.AddRange(events);
            _changed.SetResult();
            _changed = New();
        }
    }

    private sealed class Decorated(TestBroker test, string name, IPubSub broker) : IPubSub
    {
        public IReadOnlyList<string> Capabilities => broker.Capabilities;

        public bool HandlesTtl => broker.HandlesTtl;

        public bool IsBroadcast => broker.IsBroadcast;

        public async Task Publish(IReadOnlyList<Message> messages, CancellationToken stop)
        {
            if (!test.There.IsCompleted)
            {
                throw new IOException("the test has taken the broker away");
            }

            var events = messages.Select(message => (Message: message, Event: new PublishedEvent(name, message.Topic, message.Data, message.Metadata))).ToList();
            var kept = events.Where(one => !test.IsLost(one.Event)).Select(one => one.Message).ToList();
            if (kept.Count > 0)
            {
                await broker.Publish(kept, stop);
            }

            test.Remember(events.Select(one => one.Event));
        }

        public ValueTask<IAsyncDisposable> Subscribe(SubscribeRequest request, MessageHandler handler, CancellationToken stop) => broker.Subscribe(request, async (message, left) =>
        {
            await test.There.WaitAsync(left);
            if (!test._held.TryGetValue(request.Topic, out var held) || !held.TryAdd(new(name, message.Topic, message.Data, message.Metadata), () => handler(message, left)))
            {
                await handler(message, left);
            }
        }, stop);

        // The component underneath is closed by whoever made it.
        public ValueTask DisposeAsync() => default;
    }
}
