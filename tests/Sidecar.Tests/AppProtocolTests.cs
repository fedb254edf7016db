using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Lavka.Sidecar.Tests.Contract.Grpc;
using Lavka.Testing;
using Playground.Echo.V1;

namespace Lavka.Sidecar.Tests;

/// <summary>Apps that speak something else than HTTP in the clear, or take only so many calls at once.</summary>
public sealed class AppProtocolTests
{
    private static readonly Method<Ping, Pong> Unary = new(MethodType.Unary, "playground.echo.v1.Echo", "Unary",
        Marshallers.Create(message => message.ToByteArray(), Ping.Parser.ParseFrom),
        Marshallers.Create(message => message.ToByteArray(), Pong.Parser.ParseFrom));

    private const string Subscriptions = """[{"pubsubname":"pubsub","topic":"t","route":"/on"}]""";

    [Fact]
    public async Task An_app_with_TLS_gets_all_over_HTTP_1_whatever_its_certificate()
    {
        using var certificate = TestCertificate.ForLocalhost();
        await using var app = await ScriptedApp.Start(
            request => request.Path == "/dapr/subscribe" ? Answer.Json(Subscriptions) : Answer.Json("1"), certificate: certificate);
        using var folder = new SidecarFolder().Component("pubsub", "pubsub.in-memory");
        await using var sidecar = await Start(folder, app.Port, AppProtocol.Https, AppHealthCheck.Default);

        using var http = new HttpClient { BaseAddress = sidecar.HttpEndpoint };
        Assert.Equal("1", await http.GetStringAsync("/v1.0/invoke/app/method/ask"));
        await http.PostAsync("/v1.0/publish/pubsub/t", new StringContent("1"));

        await Eventually.Get(() => Task.FromResult(app.Log.Any(request => request.Path == "/on") ? "" : null), "the event");
        Assert.Equal(["/ask", "/healthz", "/on"], app.Log.Select(request => request.Path).Distinct().Order());
        Assert.All(app.Log, request => Assert.Equal("HTTP/1.1", request.Protocol));
    }

    [Fact]
    public async Task A_gRPC_app_with_TLS_gets_calls_and_proxied_calls_whatever_its_certificate()
    {
        using var certificate = TestCertificate.ForLocalhost();
        await using var app = await GrpcScriptedApp.Answering("""
            "ListTopicSubscriptions": {"message": {"subscriptions": [{"pubsubName": "pubsub", "topic": "t"}]}},
            "HealthCheck": {"message": {}},
            "OnTopicEvent": {"message": {}},
            "OnInvoke ask": {"message": {"data": {"@type": "type.googleapis.com/playground.echo.v1.RawAny", "value": "MQ=="}}}
            """, certificate);
        using var folder = new SidecarFolder().Component("pubsub", "pubsub.in-memory");
        await using var sidecar = await Start(folder, app.Port, AppProtocol.Grpcs, AppHealthCheck.Default);

        using var http = new HttpClient { BaseAddress = sidecar.HttpEndpoint };
        Assert.Equal("1", await http.GetStringAsync("/v1.0/invoke/app/method/ask"));
        await http.PostAsync("/v1.0/publish/pubsub/t", new StringContent("1"));
        using var channel = GrpcChannel.ForAddress(sidecar.GrpcEndpoint);
        var to = new CallOptions(new Metadata { { "dapr-app-id", "app" } });
        var pong = await channel.CreateCallInvoker().AsyncUnaryCall(Unary, null, to, new() { Text = "hello" });

        Assert.Equal("hello", pong.Text);
        await app.Received("OnTopicEvent");
    }

    [Fact]
    public async Task A_gRPC_app_gets_no_more_calls_at_once_than_it_takes()
    {
        await using var app = await GrpcScriptedApp.Answering("""
            "ListTopicSubscriptions": {"message": {"subscriptions": [{"pubsubName": "pubsub", "topic": "t"}]}},
            "OnTopicEvent": {"message": {}, "delay": 0.2},
            "OnInvoke ask": {"message": {}, "delay": 0.2}
            """);
        using var folder = new SidecarFolder().Component("pubsub", "pubsub.in-memory");
        await using var sidecar = await Start(folder, app.Port, AppProtocol.Grpc, most: 2);

        using var http = new HttpClient { BaseAddress = sidecar.HttpEndpoint };
        using var channel = GrpcChannel.ForAddress(sidecar.GrpcEndpoint);
        var dapr = new global::Dapr.Client.Autogen.Grpc.v1.Dapr.DaprClient(channel);
        await http.PostAsync("/v1.0/publish/pubsub/t", new StringContent("1"));
        var invocations = Enumerable.Range(0, 3).SelectMany(_ => new Task[]
        {
            dapr.InvokeServiceAsync(new() { Id = "app", Message = new() { Method = "ask" } }).ResponseAsync,
            http.GetStringAsync("/v1.0/invoke/app/method/ask"),
        });
        await Task.WhenAll(invocations);

        Assert.Equal(2, app.MostAtOnce);
    }

    private static async Task<Sidecar> Start(
        SidecarFolder folder, int port, AppProtocol protocol, AppHealthCheck? health = null, int? most = null)
    {
        var sidecar = await Sidecar.StartAsync(new()
        {
            AppId = "app",
            AppPort = port,
            AppProtocol = protocol,
            AppHealthCheck = health,
            AppMaxConcurrency = most,
            ResourcesPaths = [folder.Resources],
            DataPath = folder.Data,
        });
        await sidecar.Ready.WaitAsync(TimeSpan.FromSeconds(60));
        return sidecar;
    }
}
