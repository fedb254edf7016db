using Lavka.Sidecar.Observability;
using Microsoft.Extensions.Primitives;

namespace Lavka.Sidecar.Invocation;

/// <summary>A call of a method of an app, be it asked for over HTTP or over gRPC (Dapr: developing-applications/building-blocks/service-invocation).</summary>
internal sealed class InvocationRequest
{
    private static readonly HashSet<string> Verbs = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"];

    /// <summary>An app's id, the name of an HTTPEndpoint, or a URL.</summary>
    public required string Id { get; init; }

    /// <summary>The method, decoded and clean; see <see cref="MethodName"/>.</summary>
    public required string Method { get; init; }

    /// <summary>The HTTP verb; null: none, <c>NONE</c>: none that can be used.</summary>
    public required string? Verb { get; init; }

    /// <summary>The query without its question mark.</summary>
    public string Query { get; init; } = "";

    public required string ContentType { get; init; }

    /// <summary>The headers or the metadata; binary metadata in base64.</summary>
    public required IEnumerable<KeyValuePair<string, StringValues>> Headers { get; init; }

    /// <summary>Whether it came over gRPC.</summary>
    public bool IsFromGrpc { get; init; }

    public CallTrace Trace { get; init; }

    /// <summary>The body; null: it is in <see cref="Stream"/>.</summary>
    public byte[]? Body { get; init; }

    /// <summary>A body that is passed on as it comes, and cannot be sent again.</summary>
    public Stream? Stream { get; init; }

    /// <summary>The type of the message that the body is, as an <c>Any</c> names it; empty: it is none.</summary>
    public string DataType { get; init; } = "";

    /// <summary>How often it has been sent to another app's sidecar.</summary>
    public int Tries { get; set; }

    /// <summary>A header's value, or null.</summary>
    public string? Header(string name)
    {
        if (Headers is IHeaderDictionary http)
        {
            return http.TryGetValue(name, out var found) ? found.ToString() : null;
        }

        foreach (var (header, value) in Headers)
        {
            if (header.Equals(name, StringComparison.OrdinalIgnoreCase))
            {
                return value.ToString();
            }
        }

        return null;
    }

    /// <summary>The HTTP verb for a request's method. As in daprd any that it does not know is a POST.</summary>
    public static string VerbOf(string method) => Verbs.Contains(method) ? method : "POST";
}
