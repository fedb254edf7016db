using Dapr.AppCallback.Autogen.Grpc.v1;
using Dapr.Client.Autogen.Grpc.v1;
using Grpc.Core;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.Resiliency;

namespace Lavka.Sidecar.PubSub.Delivery;

/// <summary>
/// Sends events on a stream that a client has opened, and waits for the client to say what became of each
/// (Dapr: developing-applications/building-blocks/pubsub/subscription-methods, streaming subscriptions). Until <see cref="Begin"/> it holds them back.
/// </summary>
internal sealed class StreamDelivery(SubscriptionSpec spec, IServerStreamWriter<SubscribeTopicEventsResponseAlpha1> stream, Telemetry telemetry)
    : IDelivery, IDisposable
{
    private sealed record Sent(string Id)
    {
        public TaskCompletionSource<DeliveryAnswer> Answer { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private readonly SemaphoreSlim _writing = new(0, 1);
    private readonly List<Sent> _sent = [];

    /// <summary>Tells the client that its subscription is there; from now on events go out.</summary>
    public async Task Begin()
    {
        await stream.WriteAsync(new() { InitialResponse = new() });
        _writing.Release();
    }

    /// <summary>The client has said what became of an event. What it says of any other than those it has is left out of account.</summary>
    public void Answer(SubscribeTopicEventsRequestProcessedAlpha1 processed)
    {
        lock (_sent)
        {
            if (_sent.Find(sent => sent.Id == processed.Id && !sent.Answer.Task.IsCompleted) is { } sent)
            {
                sent.Answer.TrySetResult(GrpcDelivery.Read(processed.Status?.Status ?? default));
            }
        }
    }

    public async ValueTask<Attempt<DeliveryAnswer>> Deliver(Routed routed, Message message, CancellationToken cancellationToken)
    {
        var request = TopicEvents.Request(spec, routed, message);
        var sent = new Sent(request.Id);
        lock (_sent)
        {
            _sent.Add(sent);
        }

        try
        {
            using var span = TopicEvents.Trace(request) is { } traceParent
                ? telemetry.StartDelivery($"pubsub/{message.Topic}", traceParent, routed.TraceState)
                : null;
            await Send(request, cancellationToken);
            return GrpcDelivery.Attempt(await sent.Answer.Task.WaitAsync(cancellationToken));
        }
        finally
        {
            lock (_sent)
            {
                _sent.Remove(sent);
            }
        }
    }

    /// <exception cref="NotSupportedException">Always: a stream has no bulk subscriptions.</exception>
    public ValueTask<BulkAnswer> DeliverBulk(string path, IReadOnlyList<BulkEntry> entries, CancellationToken cancellationToken) =>
        throw new NotSupportedException("A stream has no bulk subscriptions.");

    public void Dispose() => _writing.Dispose();

    private async Task Send(TopicEventRequest request, CancellationToken cancellationToken)
    {
        await _writing.WaitAsync(cancellationToken);
        try
        {
            // Without the token: with it, a try that is given up on would end the stream.
            await stream.WriteAsync(new() { EventMessage = request }, CancellationToken.None);
        }
        finally
        {
            _writing.Release();
        }
    }
}
