using Grpc.Core;
using Lavka.Sidecar.Go;

namespace Lavka.Sidecar.Invocation;

/// <summary>An invocation of what speaks HTTP: the request it becomes.</summary>
internal static class HttpInvocation
{
    private static readonly HashSet<string> NotForwarded = new(StringComparer.OrdinalIgnoreCase)
    {
        "Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade", "HTTP2-Settings", "TE", "Trailer", "Proxy-Authorization", "Proxy-Authenticate", "Host",
        "dapr-app-id", "destination-app-id",
    };

    // Told apart from the other headers.
    private static readonly HashSet<string> Own = new(StringComparer.OrdinalIgnoreCase) { "traceparent", "tracestate", "grpc-trace-bin", "Content-Type" };

    /// <summary>Whether a header is passed on; others belong to one connection, or say where the request goes.</summary>
    public static bool IsForwarded(string name) => !NotForwarded.Contains(name);

    /// <param name="target">Where it goes.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="isTokenOurs">Whether <c>dapr-api-token</c> is the caller's to the sidecar, not to the app.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="InvocationException">It cannot be told by HTTP.</exception>
    public static async Task<HttpResponseMessage> Send(InvocationTarget target, InvocationRequest request, bool isTokenOurs, CancellationToken cancellationToken)
    {
        var verb = request.Verb ?? throw new InvocationException("missing HTTP extension field", StatusCode.InvalidArgument);
        if (verb is "NONE" or "CONNECT")
        {
            throw new InvocationException("invalid HTTP verb", StatusCode.InvalidArgument);
        }

        var path = MethodName.ToPath(request.Method, target.Address);

        // The request is not disposed of: that would end the streaming of its answer.
        var message = new HttpRequestMessage(new HttpMethod(verb), GoUrl.Parse(verb, target.Address + (request.Query.Length == 0 ? path : $"{path}?{request.Query}")));
        var contentType = request.DataType.Length > 0 ? "application/x-protobuf" : request.ContentType;
        if (request.Stream is not null)
        {
            message.Content = new StreamContent(request.Stream);
        }
        else if (request.Body!.Length > 0 || contentType.Length > 0)
        {
            message.Content = new ByteArrayContent(request.Body);
        }

        AddHeaders(message, request, isTokenOurs);
        if (contentType.Length > 0)
        {
            message.Content!.Headers.TryAddWithoutValidation("Content-Type", contentType);
        }

        request.Trace.AddTo(message.Headers, (request.Header("traceparent"), request.Header("tracestate")));
        foreach (var (name, value) in target.Headers)
        {
            message.Headers.Remove(name);
            message.Headers.TryAddWithoutValidation(name, value);
        }

        if (target.IsRemote)
        {
            foreach (var (name, value) in ForwardedBy.Headers(request))
            {
                message.Headers.TryAddWithoutValidation(name, value);
            }
        }

        return target.App is null ? await target.Http!.SendAsync(message, cancellationToken) : await target.App.Send(message, cancellationToken);
    }

    private static void AddHeaders(HttpRequestMessage message, InvocationRequest request, bool isTokenOurs)
    {
        var connection = request.IsFromGrpc ? "" : request.Header("Connection") ?? "";
        foreach (var (name, values) in request.Headers)
        {
            if (!IsForwarded(name) || Own.Contains(name) || name.EndsWith("-bin", StringComparison.OrdinalIgnoreCase)
                || (isTokenOurs && name.Equals("dapr-api-token", StringComparison.OrdinalIgnoreCase))
                || (connection.Length > 0 && connection.Split(',', StringSplitOptions.TrimEntries).Contains(name, StringComparer.OrdinalIgnoreCase)))
            {
                continue;
            }

            var forwarded = name.StartsWith("grpc-", StringComparison.OrdinalIgnoreCase) ? "dapr-" + name : name.StartsWith(':') ? "dapr-" + name[1..] : name;
            if (!message.Headers.TryAddWithoutValidation(forwarded, (IEnumerable<string?>)values) && (request.Stream is not null || !name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase)))
            {
                message.Content?.Headers.TryAddWithoutValidation(forwarded, (IEnumerable<string?>)values);
            }
        }
    }
}
