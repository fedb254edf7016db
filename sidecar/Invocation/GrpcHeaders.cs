using System.Buffers;
using System.Text;
using Grpc.Core;
using Microsoft.Extensions.Primitives;

namespace Lavka.Sidecar.Invocation;

/// <summary>Headers on their way between HTTP and gRPC, as daprd carries them over.</summary>
internal static class GrpcHeaders
{
    // What would mean something else to gRPC, or to HTTP/2, goes under another name.
    private static readonly HashSet<string> Permanent = new(StringComparer.OrdinalIgnoreCase)
    {
        "Accept", "Accept-Charset", "Accept-Language", "Accept-Ranges", "Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade", "Cache-Control", "Content-Type",
        "Content-Length", "Cookie", "Date", "Expect", "From", "Host", "If-Match", "If-Modified-Since", "If-None-Match", "If-Schedule-Tag-Match", "If-Unmodified-Since", "Max-Forwards",
        "Origin", "Pragma", "Referer", "Via", "Warning",
    };

    private static readonly SearchValues<char> NameCharacters = SearchValues.Create("0123456789abcdefghijklmnopqrstuvwxyz-_.");

    /// <summary>Whether a name in small letters is gRPC's or HTTP/2's own, and never metadata.</summary>
    public static bool IsReserved(string name) => name is "content-type" or "user-agent" or "te" || name.StartsWith(':') || name.StartsWith("grpc-", StringComparison.Ordinal);

    /// <summary>Whether a name in small letters tells the trace.</summary>
    public static bool IsTrace(string name) => name is "traceparent" or "tracestate" or "grpc-trace-bin";

    /// <summary>The name of an HTTP header as metadata, in small letters.</summary>
    public static string Prefixed(string name) => Permanent.Contains(name) ? "dapr-" + name : name;

    /// <summary>Adds values of a header. Those of a name that ends in <c>-bin</c> are bytes.</summary>
    /// <param name="headers">The metadata.</param>
    /// <param name="name">In small letters.</param>
    /// <param name="values">The values.</param>
    /// <param name="isBase64">Whether bytes are in base64; otherwise they are the text's.</param>
    /// <returns>Null, or why gRPC cannot carry it.</returns>
    public static string? Add(Metadata headers, string name, StringValues values, bool isBase64)
    {
        if (name.AsSpan().ContainsAnyExcept(NameCharacters))
        {
            return $"header key \"{name}\" contains illegal characters not in [0-9a-z-_.]";
        }

        foreach (var value in values)
        {
            if (name.EndsWith(Metadata.BinaryHeaderSuffix, StringComparison.Ordinal))
            {
                if ((isBase64 ? Decode(value ?? "") : Encoding.UTF8.GetBytes(value ?? "")) is { } bytes)
                {
                    headers.Add(name, bytes);
                }
            }
            else if (value.AsSpan().ContainsAnyExceptInRange(' ', '~'))
            {
                return $"header key \"{name}\" contains value with non-printable ASCII characters";
            }
            else
            {
                headers.Add(name, value ?? "");
            }
        }

        return null;
    }

    /// <summary>Metadata as headers that <see cref="Add"/> takes, binary ones in base64.</summary>
    public static IEnumerable<KeyValuePair<string, StringValues>> Of(Metadata metadata) => metadata.GroupBy(entry => entry.Key, entry => entry.IsBinary ? Convert.ToBase64String(entry.ValueBytes) : entry.Value)
        .Select(group => KeyValuePair.Create(group.Key, new StringValues([.. group])));

    /// <summary>Bytes of base64 with or without padding; null: it is none.</summary>
    public static byte[]? Decode(string base64)
    {
        var padded = base64.PadRight((base64.Length + 3) / 4 * 4, '=');
        var bytes = new byte[padded.Length / 4 * 3];
        return Convert.TryFromBase64String(padded, bytes, out var length) ? bytes[..length] : null;
    }
}
