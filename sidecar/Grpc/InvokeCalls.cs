using System.Diagnostics;
using System.Globalization;
using System.Text;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Grpc.Core;
using Lavka.Sidecar.Invocation;
using Lavka.Sidecar.Observability;
using Microsoft.Extensions.Primitives;

namespace Lavka.Sidecar.Grpc;

/// <summary>Service invocation by <c>InvokeService</c> (Dapr: reference/api/service_invocation_api); an HTTP app's answer is told in gRPC's words.</summary>
internal sealed class InvokeCalls(ServiceInvocation invocation)
{
    public void AddTo(GrpcMethods methods) => methods.Unary<InvokeServiceRequest, InvokeResponse>("invoke", InvokeService);

    private async Task<InvokeResponse> InvokeService(InvokeServiceRequest request, GrpcCall call)
    {
        using var answer = await invocation.Invoke(Read(request.Id, request.Message ?? new(), call), call.Stop);
        if (answer.Http is { } http)
        {
            return await Answer(http, call);
        }

        var (headers, trailers) = (Of(answer.Metadata.Headers), Of(answer.Metadata.Trailers));
        call.Trace.AddTo(headers);
        call.Trace.AddTo(trailers);
        if (answer.Error is { } error)
        {
            // At once, so that they do not come as trailers with the error.
            await call.Context.WriteResponseHeadersAsync(headers);
            throw new RpcException(error.Status, trailers);
        }

        call.AddHeaders(headers);
        call.AddTrailers(trailers);
        return answer.Message!;
    }

    private static InvocationRequest Read(string id, InvokeRequest message, GrpcCall call)
    {
        try
        {
            return new()
            {
                Id = id,
                Method = MethodName.Clean(message.Method),
                Verb = message.HttpExtension?.Verb.ToString().ToUpperInvariant(),
                Query = message.HttpExtension?.Querystring ?? "",
                ContentType = message.ContentType,
                Headers = [KeyValuePair.Create(":authority", new StringValues(call.Context.Host)), .. GrpcHeaders.Of(call.Headers)],
                IsFromGrpc = true,
                Body = message.Data?.Value.ToByteArray() ?? [],
                DataType = message.Data?.TypeUrl ?? "",
                Trace = call.Trace,
            };
        }
        catch (InvocationException e)
        {
            throw ServiceInvocation.Failed(id, e.Message);
        }
    }

    private static async Task<InvokeResponse> Answer(HttpResponseMessage http, GrpcCall call)
    {
        var body = await http.Content.ReadAsByteArrayAsync(call.Stop);
        var status = (int)http.StatusCode;
        var headers = new Metadata();
        foreach (var (header, values) in http.Headers.NonValidated.Concat(http.Content.Headers.NonValidated))
        {
            var name = GrpcHeaders.Prefixed(header.ToLowerInvariant());
            if (HttpInvocation.IsForwarded(header) && !GrpcHeaders.IsReserved(name) && !GrpcHeaders.IsTrace(name) && name != "dapr-content-length")
            {
                GrpcHeaders.Add(headers, name, values.ToArray(), isBase64: false);
            }
        }

        var sent = http.Headers.NonValidated.TryGetValues("traceparent", out var parents) ? parents.ToString() : null;
        (ActivityContext.TryParse(sent, null, out var context) ? new CallTrace(null, context, IsOn: true) : call.Trace).AddTo(headers);
        headers.Add("dapr-http-status", status.ToString(CultureInfo.InvariantCulture));
        if (StatusMapping.ToGrpc(status) is var code && code != StatusCode.OK)
        {
            await call.Context.WriteResponseHeadersAsync(headers);
            throw GrpcErrors.FromHttp(code, status, Encoding.UTF8.GetString(body));
        }

        call.AddHeaders(headers);
        var type = http.Content.Headers.NonValidated.TryGetValues("Content-Type", out var types) ? types.ToString() : "";
        return new() { ContentType = type, Data = body.Length == 0 ? null : new() { Value = UnsafeByteOperations.UnsafeWrap(body) } };
    }

    /// <summary>A gRPC app's metadata, without what is the connection's or the trace's.</summary>
    private static Metadata Of(Metadata metadata)
    {
        var copy = new Metadata();
        foreach (var entry in metadata)
        {
            if (entry.Key == "grpc-status-details-bin" || (!GrpcHeaders.IsReserved(entry.Key) && !GrpcHeaders.IsTrace(entry.Key)))
            {
                copy.Add(entry);
            }
        }

        return copy;
    }
}
