using System.Net;
using Grpc.Core;
using Lavka.Sidecar.Go;

namespace Lavka.Sidecar.Grpc.Proxying;

/// <summary>How a call ended: a status that gRPC's headers, or trailers, tell.</summary>
internal static class ProxiedAnswer
{
    /// <summary>What a caller is told whose answer ends without a status.</summary>
    public static readonly Status NoTrailers = new(StatusCode.Internal, "server closed the stream without sending trailers");

    /// <summary>The status that an app's answer ends with, be it in its headers, where there is nothing else, or in its trailers. Null: it has none.</summary>
    public static Status? StatusOf(HttpResponseMessage response)
    {
        if (!response.Headers.NonValidated.TryGetValues("grpc-status", out var status) && !response.TrailingHeaders.NonValidated.TryGetValues("grpc-status", out status))
        {
            return null;
        }

        var code = int.TryParse(status.ToString(), out var number) ? (StatusCode)number : StatusCode.Unknown;
        if (code == StatusCode.OK)
        {
            return Status.DefaultSuccess;
        }

        var hasMessage = response.Headers.NonValidated.TryGetValues("grpc-message", out var message) || response.TrailingHeaders.NonValidated.TryGetValues("grpc-message", out message);
        return new Status(code, hasMessage ? Uri.UnescapeDataString(message.ToString()) : "");
    }

    /// <summary>What an answer that is no gRPC is told as; null: it is gRPC.</summary>
    public static Status? Refusal(HttpResponseMessage response)
    {
        var isGrpc = response.Content.Headers.NonValidated.TryGetValues("Content-Type", out var type) && type.ToString().StartsWith("application/grpc", StringComparison.Ordinal);
        if (isGrpc && response.StatusCode == HttpStatusCode.OK)
        {
            return null;
        }

        var code = (int)response.StatusCode switch
        {
            400 => StatusCode.Internal,
            401 => StatusCode.Unauthenticated,
            403 => StatusCode.PermissionDenied,
            404 => StatusCode.Unimplemented,
            429 or 502 or 503 or 504 => StatusCode.Unavailable,
            _ => StatusCode.Unknown,
        };
        var what = response.StatusCode == HttpStatusCode.OK ? "" : $"unexpected HTTP status code received from server: {(int)response.StatusCode} ({response.ReasonPhrase}); ";
        return new(code, $"{what}transport: received unexpected content-type \"{type}\"");
    }

    /// <summary>What a call is told whose connection to the app failed.</summary>
    /// <param name="e">Why.</param>
    /// <param name="address">The app's host and port.</param>
    public static Status Failure(Exception e, string address) => e switch
    {
        HttpRequestException { InnerException: HttpProtocolException protocol } => Reset(protocol),
        HttpProtocolException protocol => Reset(protocol),
        HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError } connecting =>
            new(StatusCode.Unavailable, $"connection error: desc = \"transport: Error while dialing: {GoNetError.Of(connecting, address)}\""),
        HttpRequestException { HttpRequestError: HttpRequestError.HttpProtocolError or HttpRequestError.InvalidResponse or HttpRequestError.Unknown } other =>
            new(StatusCode.Unavailable, $"connection error: desc = \"error reading server preface: {other.Message}\""),
        _ => new(StatusCode.Unavailable, "error reading from server: EOF"),
    };

    // HTTP/2's error codes, as gRPC reads them.
    private static Status Reset(HttpProtocolException e) => new(e.ErrorCode switch
    {
        7 or 13 => StatusCode.Unavailable,
        8 => StatusCode.Cancelled,
        11 => StatusCode.ResourceExhausted,
        12 => StatusCode.PermissionDenied,
        _ => StatusCode.Internal,
    }, $"stream terminated by RST_STREAM: {e.Message}");
}
