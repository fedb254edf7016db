using System.Collections.Immutable;

namespace Lavka.Sidecar.PubSub;

/// <summary>
/// <c>pubsub.in-memory</c>: messages for those who listen now, gone with the process. The members of a consumer group share its messages; each takes one after the other,
/// in their order. A handler that throws does not see the message again, as in daprd. One broker serves all sidecars of a mesh that have a component of this name.
/// </summary>
internal sealed class InMemoryPubSub : IPubSub
{
    // A group that falls behind by so much makes the publishers wait.
    private const int Backlog = 10_000;

    private readonly Lock _lock = new();
    private volatile ImmutableList<Group> _groups = [];

    public IReadOnlyList<string> Capabilities { get; } = ["SUBSCRIBE_WILDCARDS"];

    // The groups here are for the instances of an app; daprd's component has none.
    public bool IsBroadcast => true;

    public async Task Publish(IReadOnlyList<Message> messages, CancellationToken stop)
    {
        foreach (var message in messages)
        {
            foreach (var group in _groups.Where(group => group.Takes(message.Topic)))
            {
                // As in daprd, the subscriber's topic, be it a pattern.
                await group.Add(group.Topic == message.Topic ? message : message with { Topic = group.Topic }, stop);
            }
        }
    }

    public ValueTask<IAsyncDisposable> Subscribe(SubscribeRequest request, MessageHandler handler, CancellationToken stop)
    {
        lock (_lock)
        {
            var group = _groups.Find(group => group.Topic == request.Topic && group.Consumer == request.Consumer);
            if (group is null)
            {
                group = new(request.Topic, request.Consumer);
                _groups = _groups.Add(group);
            }

            group.Members++;
            return new(new Member(this, group, handler));
        }
    }

    public ValueTask DisposeAsync() => default;

    private void Leave(Group group)
    {
        lock (_lock)
        {
            group.Members--;
            if (group.Members > 0)
            {
                return;
            }

            _groups = _groups.Remove(group);
        }

        group.End();
    }

    /// <summary>What a consumer group has yet to take.</summary>
    private sealed class Group(string topic, string consumer)
    {
        private readonly Lock _lock = new();
        private readonly LinkedList<Message> _messages = new();
        private readonly SemaphoreSlim _room = new(Backlog);
        private readonly SemaphoreSlim _there = new(0);
        private readonly CancellationTokenSource _ended = new();
        private int _taken;

        public string Topic => topic;

        public string Consumer => consumer;

        /// <summary>How many there are; changed under the broker's lock.</summary>
        public int Members { get; set; }

        /// <summary>How many messages wait, and are being handled.</summary>
        public int Waiting
        {
            get
            {
                lock (_lock)
                {
                    return _messages.Count + _taken;
                }
            }
        }

        public bool Takes(string published) =>
            topic == published || (topic.EndsWith('*') && published.Length >= topic.Length && published.StartsWith(topic.AsSpan(0, topic.Length - 1), StringComparison.Ordinal));

        /// <summary>Completes when the message is in, or nobody listens any more.</summary>
        public async ValueTask Add(Message message, CancellationToken stop)
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, _ended.Token);
            try
            {
                await _room.WaitAsync(either.Token);
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                return;
            }

            lock (_lock)
            {
                _messages.AddLast(message);
            }

            _there.Release();
        }

        /// <summary>The next message; <see cref="Done"/> or <see cref="PutBack"/> follows.</summary>
        public async ValueTask<Message> Take(CancellationToken stop)
        {
            await _there.WaitAsync(stop);
            lock (_lock)
            {
                var message = _messages.First!.Value;
                _messages.RemoveFirst();
                _taken++;
                return message;
            }
        }

        public void Done()
        {
            lock (_lock)
            {
                _taken--;
            }

            _room.Release();
        }

        /// <summary>For another member, as the next.</summary>
        public void PutBack(Message message)
        {
            lock (_lock)
            {
                _messages.AddFirst(message);
                _taken--;
            }

            _there.Release();
        }

        /// <summary>Nobody listens any more: publishers need not wait.</summary>
        public void End() => _ended.Cancel();
    }

    private sealed class Member : IAsyncDisposable, ILaggingSubscription
    {
        private readonly InMemoryPubSub _broker;
        private readonly Group _group;
        private readonly MessageHandler _handler;
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _worker;

        public Member(InMemoryPubSub broker, Group group, MessageHandler handler)
        {
            (_broker, _group, _handler) = (broker, group, handler);
            _worker = Task.Run(Work);
        }

        public Task<Lag> Lag(CancellationToken stop) => Task.FromResult(new Lag(_group.Waiting, null));

        public async ValueTask DisposeAsync()
        {
            _broker.Leave(_group);
            await _stop.CancelAsync();
            await _worker;
            _stop.Dispose();
        }

        private async Task Work()
        {
            while (await Take() is { } message)
            {
                try
                {
                    await _handler(message, _stop.Token);
                    _group.Done();
                }
                catch (Exception) when (_stop.IsCancellationRequested)
                {
                    _group.PutBack(message);
                }
                catch (Exception)
                {
                    // Reported by the handler; this broker does not deliver again.
                    _group.Done();
                }
            }
        }

        /// <summary>Null: it has left.</summary>
        private async Task<Message?> Take()
        {
            try
            {
                return await _group.Take(_stop.Token);
            }
            catch (OperationCanceledException)
            {
                return null;
            }
        }
    }
}
