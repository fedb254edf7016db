using System.Text;
using Dapr.AppCallback.Autogen.Grpc.v1;
using Grpc.Core;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.Resiliency;

namespace Lavka.Sidecar.PubSub.Delivery;

/// <summary>Brings events to a gRPC app (Dapr: <c>OnTopicEvent</c> and <c>OnBulkTopicEvent</c> of AppCallback and AppCallbackAlpha).</summary>
internal sealed class GrpcDelivery(SubscriptionSpec spec, AppCalls app, Telemetry telemetry) : IDelivery
{
    private const string PubSubName = "pubsubName";

    public async ValueTask<Attempt<DeliveryAnswer>> Deliver(Routed routed, Message message, CancellationToken cancellationToken)
    {
        var request = TopicEvents.Request(spec, routed, message);
        var metadata = message.Metadata.Where(pair => pair.Key != PubSubName).Append(new(PubSubName, spec.PubSubName));
        var trace = (TopicEvents.Trace(request), routed.TraceState);
        var answer = await Call(message.Topic, trace, metadata, options => app.OnTopicEvent(request, options), cancellationToken);
        return answer.Value is not null ? Attempt(Read(answer.Value.Status))
            : answer.Code == StatusCode.Unimplemented ? new(DeliveryAnswer.Unimplemented)
            : new(DeliveryAnswer.Retry, Failed: true, (int)answer.Code);
    }

    public async ValueTask<BulkAnswer> DeliverBulk(string path, IReadOnlyList<BulkEntry> entries, CancellationToken cancellationToken)
    {
        var request = new TopicEventBulkRequest
        {
            Id = Guid.NewGuid().ToString(),
            Entries = { entries.Select(entry => TopicEvents.Entry(spec, entry)) },
            Metadata = { [PubSubName] = spec.PubSubName },
            Topic = spec.Topic,
            PubsubName = spec.PubSubName,
            Type = "com.dapr.event.sent.bulk",
            Path = path,
        };
        var trace = spec.RawPayload == true ? (null, null) : (entries[0].Routed.TraceParent ?? "", entries[0].Routed.TraceState);
        var answer = await Call(spec.Topic, trace, request.Metadata, options => app.OnBulkTopicEvent(request, options), cancellationToken);
        if (answer.Code == StatusCode.Unimplemented)
        {
            answer = await Call(spec.Topic, trace, request.Metadata, options => app.OnBulkTopicEventAlpha1(request, options), cancellationToken);
        }

        if (answer.Value is null)
        {
            return answer.Code == StatusCode.Unimplemented
                ? BulkAnswer.Same(entries, DeliveryAnswer.Unimplemented)
                : BulkAnswer.None((int)answer.Code);
        }

        var answers = new Dictionary<string, DeliveryAnswer>();
        foreach (var status in answer.Value.Statuses)
        {
            answers[status.EntryId] = Read(status.Status);
        }

        return new(answers);
    }

    /// <summary>What an app or a client says of an event; an unknown status is retried.</summary>
    public static DeliveryAnswer Read(TopicEventResponse.Types.TopicEventResponseStatus status) => status switch
    {
        TopicEventResponse.Types.TopicEventResponseStatus.Success => DeliveryAnswer.Success,
        TopicEventResponse.Types.TopicEventResponseStatus.Drop => DeliveryAnswer.Drop,
        _ => DeliveryAnswer.Retry,
    };

    /// <summary>A try that has ended with an answer.</summary>
    public static Attempt<DeliveryAnswer> Attempt(DeliveryAnswer answer) => new(answer, Failed: answer == DeliveryAnswer.Retry);

    /// <summary>Calls the app; an error is an answer too.</summary>
    private async Task<(T? Value, StatusCode Code)> Call<T>(
        string topic,
        (string? Parent, string? State) trace,
        IEnumerable<KeyValuePair<string, string>> metadata,
        Func<CallOptions, Task<T>> call,
        CancellationToken cancellationToken)
        where T : class
    {
        var headers = new Metadata();
        using var span = trace.Parent is null ? null : telemetry.StartDelivery($"pubsub/{topic}", trace.Parent, trace.State);
        if (trace.Parent is not null)
        {
            telemetry.Propagate(span, trace.Parent, trace.State, headers);
        }

        foreach (var (name, value) in metadata)
        {
            Add(headers, name.ToLowerInvariant(), value);
        }

        try
        {
            return (await call(new(headers, cancellationToken: cancellationToken)), StatusCode.OK);
        }
        catch (RpcException e)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return (null, e.StatusCode);
        }
    }

    private static void Add(Metadata headers, string name, string value)
    {
        // The length and type of what was published once are not those of this call.
        if (name is "content-type" or "content-length")
        {
            return;
        }

        if (name.EndsWith(Metadata.BinaryHeaderSuffix, StringComparison.Ordinal))
        {
            headers.Add(name, Encoding.UTF8.GetBytes(value));
        }
        else
        {
            headers.Add(name, value);
        }
    }
}
