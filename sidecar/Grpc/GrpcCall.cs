using Grpc.Core;
using Lavka.Sidecar.Observability;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Primitives;

namespace Lavka.Sidecar.Grpc;

/// <summary>A call of Dapr's gRPC API that is being answered.</summary>
internal sealed class GrpcCall(ServerCallContext context)
{
    public ServerCallContext Context => context;

    /// <summary>What the caller sent along.</summary>
    public Metadata Headers => context.RequestHeaders;

    /// <summary>The trace the call belongs to.</summary>
    public CallTrace Trace { get; init; }

    /// <summary>The trace as an event carries it: the call's span, or what the caller sent; empty where there is none.</summary>
    public (string TraceParent, string TraceState) TraceContext => Trace.Text;

    /// <summary>Ends when the caller has gone or its deadline is over.</summary>
    public CancellationToken Stop => context.CancellationToken;

    /// <summary>Adds headers to the answer, be it an error. They go with its first message.</summary>
    public void AddHeaders(Metadata headers) => Add(headers, context.GetHttpContext().Response.Headers);

    /// <summary>Adds trailers to the answer.</summary>
    public void AddTrailers(Metadata trailers) => Add(trailers, context.GetHttpContext().Features.Get<IHttpResponseTrailersFeature>()!.Trailers);

    /// <summary>A header's value, or nothing.</summary>
    public string Header(string name) => context.RequestHeaders.GetValue(name) ?? "";

    /// <summary>Sends headers before the answer. A value that no header can hold stays behind.</summary>
    public Task SendHeaders(IEnumerable<KeyValuePair<string, string>> headers)
    {
        var metadata = new Metadata();
        foreach (var (name, value) in headers.Where(header => header.Value.All(letter => letter is >= ' ' and <= '~')))
        {
            metadata.Add(name, value);
        }

        return context.WriteResponseHeadersAsync(metadata);
    }

    // Not by Append, for which a header without a value is none.
    private static void Add(Metadata metadata, IHeaderDictionary headers)
    {
        foreach (var entry in metadata)
        {
            headers[entry.Key] = StringValues.Concat(headers[entry.Key], entry.IsBinary ? Convert.ToBase64String(entry.ValueBytes) : entry.Value);
        }
    }
}
