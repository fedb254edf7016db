using Lavka.Sidecar.Observability;
using Lavka.Sidecar.PubSub.Delivery;
using Lavka.Sidecar.Resiliency;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.PubSub;

/// <summary>A subscription whose messages come from the broker and are delivered.</summary>
internal sealed class RunningSubscription : IAsyncDisposable
{
    private readonly IAsyncDisposable _subscription;
    private readonly BulkSubscriber? _bulk;

    private RunningSubscription(
        SubscriptionSpec spec, LoadedPubSub pubSub, string consumer, IAsyncDisposable subscription, BulkSubscriber? bulk) =>
        (Spec, PubSub, Consumer, _subscription, _bulk) = (spec, pubSub, consumer, subscription, bulk);

    public SubscriptionSpec Spec { get; }

    public LoadedPubSub PubSub { get; }

    /// <summary>The consumer group.</summary>
    public string Consumer { get; }

    /// <summary>How far the consumer group is behind; null: its broker does not tell.</summary>
    public async Task<Lag?> Lag(CancellationToken cancellationToken)
    {
        try
        {
            return _subscription is ILaggingSubscription lagging ? await lagging.Lag(cancellationToken) : null;
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _subscription.DisposeAsync();
        await (_bulk?.DisposeAsync() ?? default);
    }

    /// <summary>Starts subscriptions of one sidecar.</summary>
    internal sealed class Starter(Publisher publisher, ResiliencyPolicies policies, Telemetry telemetry, SidecarOptions options)
    {
        /// <param name="spec">What is subscribed to.</param>
        /// <param name="pubSub">The component.</param>
        /// <param name="consumer">The consumer group.</param>
        /// <param name="delivery">The way to whoever has subscribed.</param>
        /// <param name="cancellationToken">Ends the start.</param>
        public async Task<RunningSubscription> Start(
            SubscriptionSpec spec, LoadedPubSub pubSub, string consumer, IDelivery delivery, CancellationToken cancellationToken)
        {
            var deadLetters = new DeadLetters(spec, publisher, options.Logs.CreateLogger<DeadLetters>());
            var bulk = spec.Bulk is null ? null : new BulkSubscriber(spec, delivery, Policy, deadLetters, options);
            MessageHandler handler = bulk is null
                ? new Subscriber(spec, delivery, Policy, deadLetters, telemetry, options).Deliver
                : bulk.Deliver;
            try
            {
                var request = new SubscribeRequest(spec.Topic, consumer, spec.Metadata, spec.Bulk?.MaxMessages ?? 1);
                return new(spec, pubSub, consumer, await pubSub.Broker.Subscribe(request, handler, cancellationToken), bulk);
            }
            catch
            {
                await (bulk?.DisposeAsync() ?? default);
                throw;
            }

            Policy Policy() => policies.Inbound(pubSub.Name, "Pubsub");
        }
    }
}
