using Lavka.Sidecar.PubSub.Delivery;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.PubSub;

/// <summary>
/// Subscriptions of clients that have opened a stream (Dapr: developing-applications/building-blocks/pubsub/subscription-methods,
/// streaming subscriptions). Each lasts as long as its stream, app or no app; there may be several for a topic.
/// </summary>
internal sealed class StreamSubscriptions(Components components, Publisher publisher, RunningSubscription.Starter starter)
{
    /// <summary>One of them.</summary>
    private sealed class Open(SubscriptionSpec spec, LoadedPubSub pubSub, int number)
    {
        public SubscriptionSpec Spec => spec;

        public LoadedPubSub PubSub => pubSub;

        /// <summary>Which of the streams of its topic it is, from 1.</summary>
        public int Number => number;

        public RunningSubscription? Running { get; set; }

        /// <summary>Ends the stream: its component is there no more.</summary>
        public CancellationTokenSource Ended { get; } = new();
    }

    private readonly List<Open> _open = [];
    private TaskCompletionSource _allClosed = Completed();

    /// <summary>Completes once no stream is open.</summary>
    public Task AllClosed
    {
        get
        {
            lock (_open)
            {
                return _allClosed.Task;
            }
        }
    }

    /// <summary>The subscriptions there are.</summary>
    public IReadOnlyList<SubscriptionSpec> All => [.. Snapshot().Select(open => open.Spec)];

    /// <summary>Those that run.</summary>
    public IReadOnlyList<RunningSubscription> Active => [.. Snapshot().Select(open => open.Running).OfType<RunningSubscription>()];

    /// <summary>Runs a subscription for as long as its stream.</summary>
    /// <param name="spec">What is subscribed to.</param>
    /// <param name="delivery">The way back to the client.</param>
    /// <param name="stream">
    /// Called when the subscription is there; completes when the client has ended the stream. Its token ends when the component has gone.
    /// </param>
    /// <param name="cancellationToken">Ends with the call.</param>
    /// <exception cref="ApiException">There is no such component.</exception>
    /// <exception cref="UnauthorizedAccessException">The app may not subscribe to this topic.</exception>
    public async Task Run(SubscriptionSpec spec, IDelivery delivery, Func<CancellationToken, Task> stream, CancellationToken cancellationToken)
    {
        var pubSub = publisher.Find(spec.PubSubName, spec.Topic, Message.NoMetadata, tellsMetadata: false);
        if (!pubSub.Scopes.MaySubscribe(spec.Topic))
        {
            throw new UnauthorizedAccessException($"subscription to topic '{spec.Topic}' on pubsub '{pubSub.Name}' is not allowed");
        }

        var open = Add(spec, pubSub);
        try
        {
            await using var running = await starter.Start(spec, pubSub, Consumer(open), delivery, cancellationToken);
            open.Running = running;
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, open.Ended.Token);
            await stream(either.Token);
        }
        finally
        {
            Remove(open);
        }
    }

    /// <summary>Ends the streams whose component has been replaced or taken away.</summary>
    public Task EndGone() => End(open => components.PubSubs.GetValueOrDefault(open.Spec.PubSubName) != open.PubSub);

    public Task EndAll() => End(_ => true);

    private async Task End(Func<Open, bool> which)
    {
        foreach (var open in Snapshot().Where(which))
        {
            await open.Ended.CancelAsync();
        }
    }

    /// <summary>The consumer group of the app; where every subscription gets everything, one for each of its streams.</summary>
    private static string Consumer(Open open)
    {
        var consumer = open.Spec.Metadata.GetValueOrDefault("consumerID") ?? open.PubSub.Consumer;
        return open.PubSub.Broker.IsBroadcast ? $"{consumer}/stream-{open.Number}" : consumer;
    }

    private Open Add(SubscriptionSpec spec, LoadedPubSub pubSub)
    {
        lock (_open)
        {
            var taken = _open.Where(open => open.PubSub == pubSub && open.Spec.Topic == spec.Topic).Select(open => open.Number).ToHashSet();
            var open = new Open(spec, pubSub, Enumerable.Range(1, taken.Count + 1).First(number => !taken.Contains(number)));
            if (_open.Count == 0)
            {
                _allClosed = new(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            _open.Add(open);
            return open;
        }
    }

    private void Remove(Open open)
    {
        lock (_open)
        {
            _open.Remove(open);
            if (_open.Count == 0)
            {
                _allClosed.SetResult();
            }
        }
    }

    private List<Open> Snapshot()
    {
        lock (_open)
        {
            return [.. _open];
        }
    }

    private static TaskCompletionSource Completed()
    {
        var completed = new TaskCompletionSource();
        completed.SetResult();
        return completed;
    }
}
