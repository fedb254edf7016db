using Dapr;
using Dapr.Client;
using Grpc.Core;
using Lavka.Sidecar.Testing;

namespace Lavka.Sidecar.Tests.Grpc;

/// <summary>Dapr's own .NET client beside an embedded sidecar.</summary>
internal static class OverGrpc
{
    public static DaprClient Client(EmbeddedSidecar sidecar) =>
        new DaprClientBuilder().UseHttpEndpoint(sidecar.HttpEndpoint.ToString()).UseGrpcEndpoint(sidecar.GrpcEndpoint.ToString()).Build();

    /// <summary>The gRPC error behind the client's.</summary>
    public static async Task<RpcException> Refused(Func<Task> call) => await Assert.ThrowsAnyAsync<Exception>(call) switch
    {
        RpcException error => error,
        DaprException { InnerException: RpcException error } => error,
        var other => throw other,
    };
}
