using System.Diagnostics;

namespace Lavka.Sidecar.Observability;

/// <summary>
/// A trace context in the 29 bytes of <c>grpc-trace-bin</c> (OpenCensus: encodings/BinaryEncoding): a version, then field by field the trace's id, the span's and the flags.
/// </summary>
internal static class TraceBinary
{
    private const int Length = 29;

    public static byte[] Of(ActivityContext context)
    {
        var bytes = new byte[Length];
        context.TraceId.CopyTo(bytes.AsSpan(2, 16));
        bytes[18] = 1;
        context.SpanId.CopyTo(bytes.AsSpan(19, 8));
        bytes[27] = 2;
        bytes[28] = (byte)context.TraceFlags;
        return bytes;
    }

    /// <summary>False: it is no trace context. The span and the flags may be missing.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out ActivityContext context)
    {
        context = default;
        if (bytes.Length < 18 || bytes[0] != 0 || bytes[1] != 0)
        {
            return false;
        }

        var trace = ActivityTraceId.CreateFromBytes(bytes[2..18]);
        bytes = bytes[18..];
        var span = default(ActivitySpanId);
        if (bytes.Length >= 9 && bytes[0] == 1)
        {
            span = ActivitySpanId.CreateFromBytes(bytes[1..9]);
            bytes = bytes[9..];
        }

        context = new(trace, span, bytes.Length >= 2 && bytes[0] == 2 ? (ActivityTraceFlags)bytes[1] : default, isRemote: true);
        return true;
    }
}
