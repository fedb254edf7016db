using System.Text;
using Google.Rpc;
using Grpc.Core;
using Lavka.Sidecar.Testing;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests.Grpc;

/// <summary>Output bindings as Dapr's own .NET client invokes them: by gRPC.</summary>
public sealed class BindingTests
{
    [Fact]
    public async Task An_operation_gets_data_and_metadata_and_answers_both()
    {
        await using var app = await ScriptedApp.Start(_ => new(200, "pong", "text/plain", new Dictionary<string, string> { ["X-App"] = "yes" }));
        await using var sidecar = await EmbeddedSidecar.StartAsync(new() { Resources = [TestApp.Component("web", "bindings.http", ("url", $"http://127.0.0.1:{app.Port}/hook"))] });
        using var dapr = OverGrpc.Client(sidecar);

        var answer = await dapr.InvokeBindingAsync(new("web", "post") { Data = "ping"u8.ToArray(), Metadata = { ["path"] = "/7", ["X-Test"] = "v1" } });

        Assert.Equal(("pong", "200", "yes"), (Encoding.UTF8.GetString(answer.Data.Span), answer.Metadata["statusCode"], answer.Metadata["X-App"]));
        var received = Assert.Single(app.Log);
        Assert.Equal(("POST", "/hook/7", "ping"), (received.Method, received.Path, received.Text));
        Assert.Equal("v1", received.Headers["x-test"]);
    }

    [Fact]
    public async Task An_error_comes_with_what_the_binding_tells_of_it()
    {
        await using var app = await ScriptedApp.Start(_ => new(503));
        await using var sidecar = await EmbeddedSidecar.StartAsync(new() { Resources = [TestApp.Component("web", "bindings.http", ("url", $"http://127.0.0.1:{app.Port}"))] });
        using var channel = global::Grpc.Net.Client.GrpcChannel.ForAddress(sidecar.GrpcEndpoint);
        var client = new global::Dapr.Client.Autogen.Grpc.v1.Dapr.DaprClient(channel);

        using var call = client.InvokeBindingAsync(new() { Name = "web", Operation = "get" });
        var error = await OverGrpc.Refused(() => call.ResponseAsync);

        Assert.Equal((StatusCode.Internal, "error invoking output binding web: received status code 503"), (error.StatusCode, error.Status.Detail));
        Assert.Equal("ERR_INVOKE_OUTPUT_BINDING", error.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason);
        Assert.Equal("503", (await call.ResponseHeadersAsync).GetValue("metadata.statuscode"));
    }

    [Fact]
    public async Task A_binding_that_is_not_there_is_named()
    {
        await using var sidecar = await EmbeddedSidecar.StartAsync();
        using var dapr = OverGrpc.Client(sidecar);

        var error = await OverGrpc.Refused(() => dapr.InvokeBindingAsync("nope", "create", "x"));

        Assert.Equal((StatusCode.Internal, "error invoking output binding nope: couldn't find output binding nope"), (error.StatusCode, error.Status.Detail));
    }
}
