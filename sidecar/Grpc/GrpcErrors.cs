using System.Text.Json.Nodes;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;

namespace Lavka.Sidecar.Grpc;

/// <summary>Errors as gRPC tells them: a status, and <c>google.rpc</c> details in the trailer <c>grpc-status-details-bin</c> (Dapr: reference/errors).</summary>
internal static class GrpcErrors
{
    private const int LongestValue = 63;

    private static readonly JsonParser Details = new(JsonParser.Settings.Default.WithTypeRegistry(
        TypeRegistry.FromMessages(ErrorInfo.Descriptor, ResourceInfo.Descriptor, BadRequest.Descriptor)));

    /// <summary>An error of the Dapr API.</summary>
    public static RpcException From(ApiException error)
    {
        var status = new Google.Rpc.Status { Code = (int)error.Code, Message = error.GrpcMessage ?? error.Message };
        if (error.GrpcDetails == GrpcDetails.None)
        {
            return new(new(error.Code, status.Message));
        }

        if (error.Details is { } details)
        {
            status.Details.Add(details.Select(detail => Details.Parse<Any>(Told(detail!, error.GrpcDetails).ToJsonString())));
        }
        else
        {
            status.Details.Add(Any.Pack(new ErrorInfo { Domain = "dapr.io", Reason = error.ErrorCode }));
        }

        return status.ToRpcException();
    }

    /// <summary>An error in the form of an HTTP answer, as daprd tells it for refusals of its own and for HTTP apps.</summary>
    /// <param name="code">The gRPC status.</param>
    /// <param name="status">The HTTP status.</param>
    /// <param name="message">The HTTP answer's body.</param>
    public static RpcException FromHttp(StatusCode code, int status, string message)
    {
        var reason = Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(status);
        return new Google.Rpc.Status
        {
            Code = (int)code,
            Message = reason,
            Details =
            {
                Any.Pack(new ErrorInfo
                {
                    Domain = "dapr.io",
                    Reason = reason,
                    Metadata = { ["http.code"] = status.ToString(System.Globalization.CultureInfo.InvariantCulture), ["http.error_message"] = Shortened(message) },
                }),
            },
        }.ToRpcException();
    }

    private static JsonNode Told(JsonNode detail, GrpcDetails what)
    {
        if (what == GrpcDetails.All)
        {
            return detail;
        }

        var copy = detail.DeepClone();
        copy.AsObject().Remove("metadata");
        return copy;
    }

    // google.rpc.ErrorInfo: no value is longer than 64 characters; daprd keeps to 63.
    private static string Shortened(string message) => message.Length < LongestValue ? message : message[..LongestValue];
}
