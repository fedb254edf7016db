using System.Collections.Immutable;

namespace Lavka.Sidecar.PubSub;

/// <summary>
/// <c>pubsub.in-memory</c>: messages for those who listen now, gone with the process. The members of a consumer group share its messages; each takes one after the other,
/// in their order. A handler that throws does not see the message again, as in daprd. One broker serves all sidecars of a mesh that have a component of this name.
/// </summary>
/// <param name="maxInFlight"><c>maxInFlight</c>: how many messages a bulk subscription may get at once, which daprd does not have; 1 by default, as daprd's.</param>
internal sealed class InMemoryPubSub(int maxInFlight = 1) : IPubSub
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
            return new(new Member(this, group, handler, Math.Min(request.InFlight, maxInFlight)));
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

        /// <summary>The next messages, one at least; for each of them <see cref="Done"/> or <see cref="PutBack"/> follows.</summary>
        public async ValueTask<List<Message>> Take(int most, CancellationToken stop)
        {
            await _there.WaitAsync(stop);
            var count = 1;
            while (count < most && _there.Wait(0, CancellationToken.None))
            {
                count++;
            }

            var messages = new List<Message>(count);
            lock (_lock)
            {
                for (; messages.Count < count; _taken++)
                {
                    messages.Add(_messages.First!.Value);
                    _messages.RemoveFirst();
                }
            }

            return messages;
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
        private readonly int _inFlight;
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _worker;

        public Member(InMemoryPubSub broker, Group group, MessageHandler handler, int inFlight)
        {
            (_broker, _group, _handler, _inFlight) = (broker, group, handler, inFlight);
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
            while (await Take() is { } messages)
            {
                var handled = await Task.WhenAll(messages.Select(TryHandle));

                // The last one first, so that they are in their order again.
                for (var i = messages.Count - 1; i >= 0; i--)
                {
                    if (handled[i])
                    {
                        _group.Done();
                    }
                    else
                    {
                        _group.PutBack(messages[i]);
                    }
                }
            }
        }

        /// <summary>False: it has left before the message was handled.</summary>
        private async Task<bool> TryHandle(Message message)
        {
            try
            {
                await _handler(message, _stop.Token);
                return true;
            }
            catch (Exception)
            {
                // Reported by the handler; this broker does not deliver again.
                return !_stop.IsCancellationRequested;
            }
        }

        /// <summary>Null: it has left.</summary>
        private async Task<List<Message>?> Take()
        {
            try
            {
                return await _group.Take(_inFlight, _stop.Token);
            }
            catch (OperationCanceledException)
            {
                return null;
            }
        }
    }
}
