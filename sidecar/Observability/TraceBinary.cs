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

    /// <summary>False: it is no trace context.</summary>
    public static bool TryRead(ReadOnlySpan<byte> bytes, out ActivityContext context)
    {
        context = default;
        if (bytes.Length < Length || bytes[0] != 0 || bytes[1] != 0 || bytes[18] != 1)
        {
            return false;
        }

        context = new(ActivityTraceId.CreateFromBytes(bytes[2..18]), ActivitySpanId.CreateFromBytes(bytes[19..27]), bytes[27] == 2 ? (ActivityTraceFlags)bytes[28] : default, isRemote: true);
        return true;
    }
}
