using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf.Collections;
using Google.Protobuf.WellKnownTypes;
using Lavka.Sidecar.PubSub;

namespace Lavka.Sidecar.Grpc;

/// <summary>The publish calls of Dapr's gRPC API (Dapr: reference/api/pubsub_api).</summary>
internal sealed class PubSubCalls(Publisher publisher)
{
    private static readonly Empty Nothing = new();

    public void AddTo(GrpcMethods methods)
    {
        methods.Unary<PublishEventRequest, Empty>("publish", PublishEvent);
        methods.Unary<BulkPublishRequest, BulkPublishResponse>("publish", BulkPublishEvent);
        methods.Unary<BulkPublishRequest, BulkPublishResponse>("publish", BulkPublishEvent, "BulkPublishEventAlpha1");
    }

    private async Task<Empty> PublishEvent(PublishEventRequest request, GrpcCall call)
    {
        var to = To(request.PubsubName, request.Topic, request.Metadata, call);
        Dictionary<string, string> metadata = new(request.Metadata);
        if (to.IsRaw)
        {
            // Without an envelope for the trace it travels beside the event. daprd does so for gRPC alone.
            (metadata["traceid"], metadata["tracestate"]) = (to.TraceParent, to.TraceState);
        }

        await publisher.Publish(to, new(request.Data.Memory, request.DataContentType, metadata), call.Stop);
        return Nothing;
    }

    private async Task<BulkPublishResponse> BulkPublishEvent(BulkPublishRequest request, GrpcCall call)
    {
        var to = To(request.PubsubName, request.Topic, request.Metadata, call);
        await publisher.PublishBulk(to, request.Entries.Select(entry => new OutgoingEvent(entry.Event.Memory, entry.ContentType, Metadata(request, entry), entry.EntryId)), call.Stop);
        return new();
    }

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

    private Publication To(string pubSubName, string topic, MapField<string, string> metadata, GrpcCall call)
    {
        Dictionary<string, string> read = new(metadata);
        var pubSub = publisher.Find(pubSubName, topic, read, tellsMetadata: false);
        var (traceParent, traceState) = call.TraceContext;
        return new(pubSub, topic, Publisher.IsRaw(pubSub, read), traceParent, traceState);
    }
}
