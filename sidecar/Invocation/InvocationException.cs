using Grpc.Core;

namespace Lavka.Sidecar.Invocation;

/// <summary>An invocation did not come about. The message is daprd's, and says the gRPC status where there is one.</summary>
internal sealed class InvocationException(string message, StatusCode? code = null) : Exception(code is null ? message : $"rpc error: code = {code} desc = {message}")
{
    /// <summary>The gRPC status of the refusal, or null.</summary>
    public StatusCode? Code { get; } = code;

    /// <summary>The message alone.</summary>
    public string Text { get; } = message;
}
