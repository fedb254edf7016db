using Dapr.Client.Autogen.Grpc.v1;
using Grpc.Core;

namespace Lavka.Sidecar.Invocation;

/// <summary>What an app answers to an invocation: an HTTP response, whose body is still to be read, or what a gRPC app says to <c>OnInvoke</c>.</summary>
internal sealed class InvocationAnswer : IDisposable
{
    /// <summary>An HTTP app's answer; null: it is a gRPC app.</summary>
    public HttpResponseMessage? Http { get; init; }

    /// <summary>A gRPC app's message; null: it is an HTTP app, or there is an <see cref="Error"/>.</summary>
    public InvokeResponse? Message { get; init; }

    /// <summary>A gRPC app's error.</summary>
    public RpcException? Error { get; init; }

    /// <summary>What came with a gRPC app's answer.</summary>
    public AppAnswerMetadata Metadata { get; init; } = new();

    /// <summary>HTTP's status, or gRPC's.</summary>
    public int Status => Http is not null ? (int)Http.StatusCode : (int)(Error?.StatusCode ?? StatusCode.OK);

    public void Dispose() => Http?.Dispose();
}
