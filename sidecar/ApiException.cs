using System.Text.Json.Nodes;
using Grpc.Core;

namespace Lavka.Sidecar;

/// <summary>
/// The Dapr API answers an error: over HTTP <c>{"errorCode","message"}</c>, newer ones with <c>details</c>; over gRPC a status with the details of <c>google.rpc</c>
/// (Dapr: reference/errors).
/// </summary>
internal sealed class ApiException(int status, string errorCode, string message, JsonArray? details = null) : Exception(message)
{
    /// <summary>The HTTP status.</summary>
    public int Status { get; } = status;

    /// <summary>The gRPC status: the HTTP one's, unless Dapr has another for this error.</summary>
    public StatusCode Code { get; init; } = CodeOf(status);

    /// <summary>HTTP's <c>errorCode</c>.</summary>
    public string ErrorCode { get; } = errorCode;

    /// <summary>The details in their JSON form.</summary>
    public JsonArray? Details { get; } = details;

    /// <summary>How much of <see cref="Details"/> is told over gRPC.</summary>
    public GrpcDetails GrpcDetails { get; init; }

    /// <summary>The message over gRPC, where it is another one; null: the same.</summary>
    public string? GrpcMessage { get; init; }

    /// <summary>Headers that go with the answer.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    /// <summary>The errors of pub/sub and state stores, which carry a reason and what they are about.</summary>
    public static ApiException Detailed(int status, string errorCode, string message, string reason, JsonObject? metadata, JsonObject? about = null, JsonObject? violations = null)
        => new(status, errorCode, message, DetailsOf(reason, metadata, about, violations));

    /// <summary>Details for <see cref="Details"/>: what the error is about, and its reason.</summary>
    public static JsonArray DetailsOf(string reason, JsonObject? metadata, JsonObject? about = null, JsonObject? violations = null)
    {
        var details = new JsonArray();
        foreach (var detail in new[] { violations, about })
        {
            if (detail is not null)
            {
                details.Add((JsonNode)detail);
            }
        }

        details.Add((JsonNode)new JsonObject
        {
            ["@type"] = "type.googleapis.com/google.rpc.ErrorInfo",
            ["domain"] = "dapr.io",
            ["metadata"] = metadata,
            ["reason"] = reason,
        });
        return details;
    }

    /// <summary>What an error is about: a component.</summary>
    public static JsonObject Resource(string type, string name, string description = "") => new()
    {
        ["@type"] = "type.googleapis.com/google.rpc.ResourceInfo",
        ["description"] = description,
        ["owner"] = "",
        ["resource_name"] = name,
        ["resource_type"] = type,
    };

    /// <summary>The errors of most building blocks, which over gRPC are a status without details.</summary>
    /// <param name="code">The gRPC status, where it is not the HTTP one's.</param>
    /// <param name="grpcMessage">The message over gRPC, where it is another one.</param>
    public static ApiException Plain(int status, string errorCode, string message, StatusCode? code = null, string? grpcMessage = null) =>
        new(status, errorCode, message) { GrpcDetails = GrpcDetails.None, Code = code ?? CodeOf(status), GrpcMessage = grpcMessage };

    public static ApiException Malformed(string message) => new(400, "ERR_MALFORMED_REQUEST", message);

    private static StatusCode CodeOf(int status) => status switch
    {
        400 => StatusCode.InvalidArgument,
        401 => StatusCode.Unauthenticated,
        403 => StatusCode.PermissionDenied,
        404 => StatusCode.NotFound,
        409 => StatusCode.Aborted,
        501 => StatusCode.Unimplemented,
        503 => StatusCode.Unavailable,
        _ => StatusCode.Internal,
    };
}

/// <summary>What Dapr tells of an error's details over gRPC.</summary>
internal enum GrpcDetails
{
    /// <summary>All; of an error without any, its code as the reason.</summary>
    All,

    /// <summary>All but the reason's metadata.</summary>
    WithoutMetadata,

    /// <summary>None: Dapr has not given this error any.</summary>
    None,
}
