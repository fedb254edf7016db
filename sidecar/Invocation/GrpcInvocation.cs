using System.Diagnostics;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Lavka.Sidecar.Observability;

namespace Lavka.Sidecar.Invocation;

/// <summary>An invocation of a gRPC app: its <c>OnInvoke</c> gets the method, the body and the caller's metadata.</summary>
internal static class GrpcInvocation
{
    /// <summary>Asks the app. What it answers is the answer, an error too.</summary>
    /// <param name="target">Where it goes.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="isTokenOurs">Whether <c>dapr-api-token</c> is the caller's to the sidecar, not to the app.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<InvocationAnswer> Send(InvocationTarget target, InvocationRequest request, bool isTokenOurs, CancellationToken cancellationToken)
    {
        var message = new InvokeRequest
        {
            Method = request.Method,
            ContentType = request.ContentType,
            Data = new Any { TypeUrl = request.DataType, Value = request.Body is { } body ? UnsafeByteOperations.UnsafeWrap(body) : await ByteString.FromStreamAsync(request.Stream!, cancellationToken) },
        };
        if (request.Verb is { } verb)
        {
            message.HttpExtension = new() { Verb = System.Enum.Parse<HTTPExtension.Types.Verb>(verb, ignoreCase: true), Querystring = request.Query };
        }

        var with = new AppAnswerMetadata();
        try
        {
            return new() { Message = await target.App!.Calls.OnInvoke(message, new(Headers(target, request, isTokenOurs), cancellationToken: cancellationToken), with), Metadata = with };
        }
        catch (RpcException e) when (!cancellationToken.IsCancellationRequested)
        {
            return new() { Error = e, Metadata = with };
        }
        catch (RpcException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
    }

    private static Metadata Headers(InvocationTarget target, InvocationRequest request, bool isTokenOurs)
    {
        var headers = new Metadata();
        foreach (var (header, values) in request.Headers)
        {
            var name = request.IsFromGrpc ? header : GrpcHeaders.Prefixed(header.ToLowerInvariant());
            if (GrpcHeaders.IsReserved(name) || GrpcHeaders.IsTrace(name) || target.Headers.ContainsKey(name) || name is "destination-app-id" or "dapr-host" || (name == "dapr-api-token" && isTokenOurs)
                || (name == "dapr-app-id" && !request.IsFromGrpc))
            {
                continue;
            }

            if (GrpcHeaders.Add(headers, name, values, isBase64: request.IsFromGrpc) is { } problem)
            {
                throw new InvocationException(problem, StatusCode.Internal);
            }
        }

        foreach (var (name, value) in target.Headers)
        {
            headers.Add(name, value);
        }

        if (target.IsRemote)
        {
            foreach (var (name, value) in ForwardedBy.Headers(request))
            {
                headers.Add(name.ToLowerInvariant(), value);
            }
        }

        AddTrace(headers, request);
        return headers;
    }

    // The caller's own trace comes first, also where the call has a span of its own.
    private static void AddTrace(Metadata headers, InvocationRequest request)
    {
        if (request.IsFromGrpc && request.Header("grpc-trace-bin") is { Length: > 0 } sent && GrpcHeaders.Decode(sent) is { } binary)
        {
            if (TraceBinary.TryRead(binary, out var context))
            {
                headers.Add("traceparent", new CallTrace(null, context, IsOn: true).TraceParent);
            }

            headers.Add("grpc-trace-bin", binary);
            return;
        }

        (!request.IsFromGrpc && ActivityContext.TryParse(request.Header("traceparent"), request.Header("tracestate"), out var caller) ? new CallTrace(null, caller, IsOn: true) : request.Trace).AddTo(headers);
    }
}
