using System.Collections.Immutable;
using System.Threading.Channels;

namespace Lavka.Sidecar.PubSub;

/// <summary>
/// <c>pubsub.in-memory</c>: messages for those who listen now, gone with the process. A subscription takes one message
/// after the other, in their order; a handler that throws does not see the message again, as in daprd.
/// One broker serves all sidecars of a mesh that have a component of this name.
/// </summary>
internal sealed class InMemoryPubSub : IPubSub
{
    // A subscriber that falls behind by so much makes the publishers wait.
    private const int Backlog = 10_000;

    private readonly Lock _lock = new();
    private ImmutableList<Subscription> _subscriptions = [];

    public IReadOnlyList<string> Capabilities { get; } = ["SUBSCRIBE_WILDCARDS"];

    public async Task Publish(IReadOnlyList<Message> messages, CancellationToken stop)
    {
        foreach (var message in messages)
        {
            foreach (var group in _subscriptions.Where(s => s.Takes(message.Topic)).GroupBy(s => (s.Topic, s.Consumer)))
            {
                var subscription = group.ElementAt(Random.Shared.Next(group.Count()));

                // As in daprd, the subscriber's topic, be it a pattern.
                await subscription.Add(subscription.Topic == message.Topic ? message : message with { Topic = subscription.Topic }, stop);
            }
        }
    }

    public ValueTask<IAsyncDisposable> Subscribe(SubscribeRequest request, MessageHandler handler)
    {
        var subscription = new Subscription(this, request.Topic, request.Consumer, handler);
        lock (_lock)
        {
            _subscriptions = _subscriptions.Add(subscription);
        }

        return new(subscription);
    }

    public ValueTask DisposeAsync() => default;

    private sealed class Subscription : IAsyncDisposable, ILaggingSubscription
    {
        private readonly InMemoryPubSub _broker;
        private readonly MessageHandler _handler;
        private readonly Channel<Message> _messages = Channel.CreateBounded<Message>(Backlog);
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _worker;
        private long _waiting;

        public Subscription(InMemoryPubSub broker, string topic, string consumer, MessageHandler handler)
        {
            (_broker, Topic, Consumer, _handler) = (broker, topic, consumer, handler);
            _worker = Work();
        }

        public string Topic { get; }

        public string Consumer { get; }

        public Task<Lag> Lag(CancellationToken stop) =>
            Task.FromResult(new Lag(_broker._subscriptions.Where(other => other.Topic == Topic && other.Consumer == Consumer).Sum(other => other._waiting), null));

        public bool Takes(string topic) =>
            Topic == topic || (Topic.EndsWith('*') && topic.Length >= Topic.Length && topic.StartsWith(Topic.AsSpan(0, Topic.Length - 1), StringComparison.Ordinal));

        public async ValueTask Add(Message message, CancellationToken stop)
        {
            try
            {
                Interlocked.Increment(ref _waiting);
                await _messages.Writer.WriteAsync(message, stop);
            }
            catch (ChannelClosedException)
            {
                // Unsubscribed meanwhile.
            }
        }

        public async ValueTask DisposeAsync()
        {
            lock (_broker._lock)
            {
                _broker._subscriptions = _broker._subscriptions.Remove(this);
            }

            _messages.Writer.TryComplete();
            await _stop.CancelAsync();
            await _worker;
            _stop.Dispose();
        }

        private async Task Work()
        {
            await Task.Yield();
            try
            {
                await foreach (var message in _messages.Reader.ReadAllAsync(_stop.Token))
                {
                    try
                    {
                        await _handler(message, _stop.Token);
                    }
                    catch (Exception e) when (e is not OperationCanceledException || !_stop.IsCancellationRequested)
                    {
                        // Reported by the handler; this broker does not deliver again.
                    }

                    Interlocked.Decrement(ref _waiting);
                }
            }
            catch (OperationCanceledException)
            {
                // Stopped.
            }
        }
    }
}
