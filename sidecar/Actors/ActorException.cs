using Grpc.Core;

namespace Lavka.Sidecar.Actors;

/// <summary>An actor operation failed: Dapr's error code and message. Unlike an <see cref="ApiException"/> it may be tried again.</summary>
internal sealed class ActorException(string errorCode, string message, int status = 500) : Exception(message)
{
    public string ErrorCode { get; } = errorCode;

    public int Status { get; } = status;

    /// <summary>The gRPC status; null: the HTTP one's.</summary>
    public StatusCode? Code { get; init; }

    /// <summary>The message over gRPC, where it is another one; null: the same.</summary>
    public string? GrpcMessage { get; init; }

    /// <summary>There is no placement service, hence no actors.</summary>
    public static ActorException NoPlacement() => new("ERR_ACTOR_NO_PLACEMENT", "placement service is not configured", 400) { Code = StatusCode.Unavailable };

    /// <summary>As the API answers it.</summary>
    public ApiException ToApi() => ApiException.Plain(Status, ErrorCode, Message, Code, GrpcMessage);
}
