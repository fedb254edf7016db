using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Lavka.Sidecar.Bindings;

namespace Lavka.Sidecar.Grpc;

/// <summary>The bindings call of Dapr's gRPC API (Dapr: reference/api/bindings_api).</summary>
internal sealed class BindingCalls(OutputBindings bindings)
{
    public void AddTo(GrpcMethods methods) => methods.Unary<InvokeBindingRequest, InvokeBindingResponse>("bindings", InvokeBinding);

    private async Task<InvokeBindingResponse> InvokeBinding(InvokeBindingRequest request, GrpcCall call)
    {
        var answer = await bindings.Invoke(request.Name, request.Operation, request.Data.ToByteArray(), Metadata(request, call), call.Stop);
        if (answer.Metadata.Count > 0)
        {
            await call.SendHeaders(OutputBindings.Headers(answer.Metadata));
        }

        var response = new InvokeBindingResponse { Data = UnsafeByteOperations.UnsafeWrap(answer.Data ?? []) };
        response.Metadata.AddRange(answer.Metadata);
        return response;
    }

    // As in daprd the call's own headers are metadata too; the caller's trace comes before the one in the request.
    private static Dictionary<string, string> Metadata(InvokeBindingRequest request, GrpcCall call)
    {
        var metadata = new Dictionary<string, string>(request.Metadata);
        metadata.TryAdd("traceparent", call.Trace.TraceParent);
        if (call.TraceContext.TraceState is { Length: > 0 } traceState)
        {
            metadata.TryAdd("tracestate", traceState);
        }

        foreach (var header in call.Headers.Where(header => !header.IsBinary))
        {
            if (header.Key is "traceparent" or "tracestate")
            {
                metadata[header.Key] = header.Value;
            }
            else
            {
                metadata.TryAdd(header.Key.StartsWith("grpc-", StringComparison.Ordinal) ? "dapr-" + header.Key : header.Key, header.Value);
            }
        }

        return metadata;
    }
}
