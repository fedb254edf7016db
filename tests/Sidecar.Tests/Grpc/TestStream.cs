using Dapr.AppCallback.Autogen.Grpc.v1;
using Dapr.Client.Autogen.Grpc.v1;
using Grpc.Core;
using Grpc.Net.Client;
using Status = Dapr.AppCallback.Autogen.Grpc.v1.TopicEventResponse.Types.TopicEventResponseStatus;

namespace Lavka.Sidecar.Tests.Grpc;

/// <summary>A streaming subscription as a client has it: <c>SubscribeTopicEventsAlpha1</c> of the client in Dapr.Protos.</summary>
internal sealed class TestStream : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly GrpcChannel _channel;
    private readonly AsyncDuplexStreamingCall<SubscribeTopicEventsRequestAlpha1, SubscribeTopicEventsResponseAlpha1> _call;

    private TestStream(Uri sidecar)
    {
        _channel = GrpcChannel.ForAddress(sidecar);
        _call = new Dapr.Client.Autogen.Grpc.v1.Dapr.DaprClient(_channel).SubscribeTopicEventsAlpha1();
    }

    /// <summary>Opens a stream; returns when the subscription is there.</summary>
    public static async Task<TestStream> Open(Uri sidecar, string topic, string deadLetterTopic = "", params (string Name, string Value)[] metadata)
    {
        var stream = new TestStream(sidecar);
        var initial = new SubscribeTopicEventsRequestInitialAlpha1 { PubsubName = "pubsub", Topic = topic, DeadLetterTopic = deadLetterTopic };
        foreach (var (name, value) in metadata)
        {
            initial.Metadata[name] = value;
        }

        await stream._call.RequestStream.WriteAsync(new() { InitialRequest = initial });
        Assert.True(await stream._call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Patience));
        Assert.NotNull(stream._call.ResponseStream.Current.InitialResponse);
        return stream;
    }

    /// <summary>The next event.</summary>
    public async Task<TopicEventRequest> Next()
    {
        Assert.True(await _call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Patience));
        return _call.ResponseStream.Current.EventMessage;
    }

    /// <summary>The next event, which is answered at once.</summary>
    public async Task<TopicEventRequest> Take(Status answer = Status.Success)
    {
        var next = await Next();
        await _call.RequestStream.WriteAsync(new() { EventProcessed = new() { Id = next.Id, Status = new() { Status = answer } } });
        return next;
    }

    /// <summary>How the stream ends, once it does.</summary>
    public async Task<RpcException> End() => await Assert.ThrowsAsync<RpcException>(() => _call.ResponseStream.MoveNext(CancellationToken.None).WaitAsync(Patience));

    /// <summary>The client's half-close.</summary>
    public Task Complete() => _call.RequestStream.CompleteAsync();

    /// <summary>Cancels the call.</summary>
    public void Dispose()
    {
        _call.Dispose();
        _channel.Dispose();
    }
}
