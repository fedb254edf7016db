using Dapr;
using Grpc.Core;

namespace Lavka.ServiceDefaults;

/// <summary>What a failed call of the sidecar says. Dapr's client wraps the gRPC error into a <see cref="DaprException"/>.</summary>
public static class DaprFailures
{
    /// <summary>Why it failed, in the words of whoever knows: the sidecar, where it has answered.</summary>
    public static string Reason(this Exception error) => error.InnerException switch
    {
        RpcException rpc => rpc.Status.Detail,
        { } inner => inner.Message,
        null => error.Message,
    };

    /// <summary>Whether there was no answer: what was asked may have been done, or may not. Otherwise it was refused.</summary>
    public static bool IsUnanswered(this DaprException error) => error.InnerException switch
    {
        RpcException rpc => rpc.StatusCode is StatusCode.Unavailable or StatusCode.DeadlineExceeded or StatusCode.Cancelled,
        HttpRequestException or OperationCanceledException => true,
        _ => false,
    };
}
