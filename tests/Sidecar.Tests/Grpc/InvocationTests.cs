using System.Text.Json;
using Dapr.Client;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Lavka.Sidecar.Tests.Contract.Grpc;
using Playground.Echo.V1;

namespace Lavka.Sidecar.Tests.Grpc;

/// <summary>Dapr's .NET client invokes a gRPC app: a method of AppCallback, and the app's own service, which is proxied.</summary>
public sealed class InvocationTests : IAsyncLifetime
{
    private const string Answers = """
        {
          "answers": {
            "ListTopicSubscriptions": { "message": {} },
            "ListInputBindings": { "message": {} },
            "OnInvoke greet": { "message": { "data": { "@type": "type.googleapis.com/google.protobuf.StringValue", "value": "Hello Ann" } } },
            "OnInvoke refuse": { "error": { "code": "FAILED_PRECONDITION", "message": "not today" } }
          }
        }
        """;

    private static readonly Method<Ping, Pong> Bidi = new(MethodType.DuplexStreaming, "playground.echo.v1.Echo", "Bidi", Of(Ping.Parser), Of(Pong.Parser));

    private readonly SidecarMesh _mesh = new();
    private GrpcScriptedApp _app = null!;
    private Sidecar _callee = null!;
    private Sidecar _caller = null!;
    private DaprClient _dapr = null!;

    public async Task InitializeAsync()
    {
        _app = await GrpcScriptedApp.Start(JsonDocument.Parse(Answers).RootElement);
        _callee = await Sidecar.StartAsync(new() { AppId = "callee", AppPort = _app.Port, AppProtocol = AppProtocol.Grpc, Mesh = _mesh });
        _caller = await Sidecar.StartAsync(new() { AppId = "caller", Mesh = _mesh });
        await _callee.Ready;
        _dapr = new DaprClientBuilder().UseGrpcEndpoint(_caller.GrpcEndpoint.ToString()).Build();
    }

    public async Task DisposeAsync()
    {
        _dapr.Dispose();
        await _caller.DisposeAsync();
        await _callee.DisposeAsync();
        await _app.DisposeAsync();
    }

#pragma warning disable CS0618 // The client advises against it; applications call it all the same.
    [Fact]
    public async Task A_method_of_the_app_answers() =>
        Assert.Equal("Hello Ann", (await _dapr.InvokeMethodGrpcAsync<StringValue, StringValue>("callee", "greet", new() { Value = "Ann" })).Value);

    [Fact]
    public async Task A_refusal_is_the_callers_to_know() =>
        Assert.Equal(StatusCode.FailedPrecondition, ((RpcException)(await Assert.ThrowsAsync<InvocationException>(() => _dapr.InvokeMethodGrpcAsync("callee", "refuse"))).InnerException!).StatusCode);
#pragma warning restore CS0618

    [Fact]
    public async Task A_stream_of_the_app_s_own_service_goes_both_ways()
    {
        var invoker = DaprClient.CreateInvocationInvoker("callee", _caller.GrpcEndpoint.ToString());
        using var call = invoker.AsyncDuplexStreamingCall(Bidi, null, new());
        foreach (var text in new[] { "one", "two" })
        {
            await call.RequestStream.WriteAsync(new() { Text = text });
            Assert.True(await call.ResponseStream.MoveNext(default));
            Assert.Equal(text, call.ResponseStream.Current.Text);
        }

        await call.RequestStream.CompleteAsync();

        Assert.False(await call.ResponseStream.MoveNext(default));
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    private static Marshaller<T> Of<T>(MessageParser<T> parser)
        where T : IMessage<T> => Marshallers.Create(message => message.ToByteArray(), parser.ParseFrom);
}
