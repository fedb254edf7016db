using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.PubSub;
using Lavka.Sidecar.PubSub.Delivery;

namespace Lavka.Sidecar.Grpc;

/// <summary>The pub/sub calls of Dapr's gRPC API (Dapr: reference/api/pubsub_api).</summary>
internal sealed class PubSubCalls(Publisher publisher, StreamSubscriptions streams, Telemetry telemetry)
{
    private static readonly Empty Nothing = new();

    public void AddTo(GrpcMethods methods)
    {
        methods.Unary<PublishEventRequest, Empty>("publish", PublishEvent);
        methods.Unary<BulkPublishRequest, BulkPublishResponse>("publish", BulkPublishEvent);
        methods.Unary<BulkPublishRequest, BulkPublishResponse>("publish", BulkPublishEvent, "BulkPublishEventAlpha1");
        methods.DuplexStream<SubscribeTopicEventsRequestAlpha1, SubscribeTopicEventsResponseAlpha1>("subscribe", SubscribeTopicEventsAlpha1);
    }

    private async Task<Empty> PublishEvent(PublishEventRequest request, GrpcCall call)
    {
        var to = To(request.PubsubName, request.Topic, request.Metadata, call);
        IReadOnlyDictionary<string, string> metadata = request.Metadata;
        if (to.IsRaw)
        {
            // Without an envelope for the trace it travels beside the event. daprd does so for gRPC alone.
            metadata = new Dictionary<string, string>(request.Metadata) { ["traceid"] = to.TraceParent, ["tracestate"] = to.TraceState };
        }

        await publisher.Publish(to, new(request.Data.Memory, request.DataContentType, metadata), call.Stop);
        return Nothing;
    }

    private async Task<BulkPublishResponse> BulkPublishEvent(BulkPublishRequest request, GrpcCall call)
    {
        var to = To(request.PubsubName, request.Topic, request.Metadata, call);
        await publisher.PublishBulk(to, request.Entries.Select(Event), call.Stop);
        return new();

        OutgoingEvent Event(BulkPublishRequestEntry entry) => new(entry.Event.Memory, entry.ContentType, Metadata(request, entry), entry.EntryId);
    }

    /// <summary>A streaming subscription. Like daprd's it never ends well: whatever ends it is an error, the client's own half-close too.</summary>
    private async Task SubscribeTopicEventsAlpha1(
        IAsyncStreamReader<SubscribeTopicEventsRequestAlpha1> requests, IServerStreamWriter<SubscribeTopicEventsResponseAlpha1> answers, GrpcCall call)
    {
        if (!await requests.MoveNext(call.Stop))
        {
            throw Unknown("EOF");
        }

        var initial = requests.Current.InitialRequest ?? throw Unknown("initial request is required");
        if (initial.PubsubName.Length == 0)
        {
            throw Unknown("pubsubName is required");
        }

        if (initial.Topic.Length == 0)
        {
            throw Unknown("topic is required");
        }

        var deadLetterTopic = initial.DeadLetterTopic.Length == 0 ? null : initial.DeadLetterTopic;
        Dictionary<string, string> metadata = new(initial.Metadata);
        var spec = new SubscriptionSpec(
            initial.PubsubName, initial.Topic, [new(null, "/")], deadLetterTopic, metadata, null, SubscriptionType.Streaming);
        using var delivery = new StreamDelivery(spec, answers, telemetry);
        try
        {
            await streams.Run(spec, delivery, Converse, call.Stop);
        }
        catch (UnauthorizedAccessException e)
        {
            throw Unknown($"failed to create subscription for {spec.PubSubName}: {e.Message}");
        }

        async Task Converse(CancellationToken cancellationToken)
        {
            await delivery.Begin();
            while (await Next(cancellationToken))
            {
                delivery.Answer(requests.Current.EventProcessed ?? throw Unknown("duplicate initial request received"));
            }

            throw Unknown("EOF");
        }

        async Task<bool> Next(CancellationToken cancellationToken)
        {
            try
            {
                return await requests.MoveNext(CancellationToken.None).WaitAsync(cancellationToken);
            }
            catch (OperationCanceledException) when (!call.Stop.IsCancellationRequested)
            {
                throw Unknown("stream closed");
            }
        }
    }

    private static RpcException Unknown(string message) => new(new(StatusCode.Unknown, message));

    /// <summary>As in daprd, the request's metadata reach only entries that have some of their own.</summary>
    private static Dictionary<string, string> Metadata(BulkPublishRequest request, BulkPublishRequestEntry entry)
    {
        Dictionary<string, string> metadata = entry.Metadata.Count == 0 ? [] : new(request.Metadata);
        foreach (var (name, value) in entry.Metadata)
        {
            metadata[name] = value;
        }

        return metadata;
    }

    private Publication To(string pubSubName, string topic, IReadOnlyDictionary<string, string> metadata, GrpcCall call)
    {
        var pubSub = publisher.Find(pubSubName, topic, metadata, tellsMetadata: false);
        var (traceParent, traceState) = call.TraceContext;
        return new(pubSub, topic, Publisher.IsRaw(pubSub, metadata), traceParent, traceState);
    }
}
