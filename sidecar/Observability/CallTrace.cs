using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using Grpc.Core;

namespace Lavka.Sidecar.Observability;

/// <summary>
/// The trace that a call of the API belongs to. As in daprd there is one even where no spans are made: the caller's, or one of zeros. With a sampling rate of 0 there is none.
/// </summary>
/// <param name="Span">The call's span; null: none is made.</param>
/// <param name="Context">The span's context, or the caller's.</param>
/// <param name="IsOn">False: the sampling rate is 0.</param>
internal readonly record struct CallTrace(Activity? Span, ActivityContext Context, bool IsOn)
{
    private const string Zeros = "00-00000000000000000000000000000000-0000000000000000-00";

    /// <summary>Whether it is a trace that others know.</summary>
    public bool IsValid => Context.TraceId != default;

    /// <summary>W3C's <c>traceparent</c>.</summary>
    public string TraceParent => Span?.Id ?? (IsValid ? string.Create(CultureInfo.InvariantCulture, $"00-{Context.TraceId}-{Context.SpanId}-{(int)Context.TraceFlags:x2}") : Zeros);

    /// <summary>The trace as an event carries it; empty where there is none.</summary>
    public (string TraceParent, string TraceState) Text => IsValid ? (TraceParent, Context.TraceState ?? "") : ("", "");

    /// <summary>The trace as <c>grpc-trace-bin</c> has it; empty where there is none.</summary>
    public byte[] Binary => IsOn ? TraceBinary.Of(Context) : [];

    /// <summary>Gives a gRPC call, or the answer to one, this trace as text and as <c>grpc-trace-bin</c>; daprd sends both.</summary>
    public void AddTo(Metadata headers)
    {
        if (IsOn)
        {
            headers.Add("traceparent", TraceParent);
            if (Context.TraceState is { Length: > 0 } state)
            {
                headers.Add("tracestate", state);
            }
        }

        headers.Add("grpc-trace-bin", Binary);
    }

    /// <summary>Gives an HTTP request this trace. One without a trace keeps what its caller sent, or has zeros.</summary>
    /// <param name="headers">The request's headers.</param>
    /// <param name="sent">What the caller sent as <c>traceparent</c> and <c>tracestate</c>.</param>
    public void AddTo(HttpRequestHeaders headers, (string? TraceParent, string? TraceState) sent)
    {
        var (parent, state) = IsValid ? (TraceParent, Context.TraceState) : sent.TraceParent is { Length: > 0 } ? sent : (IsOn ? Zeros : null, null);
        if (parent is not null)
        {
            headers.TryAddWithoutValidation("traceparent", parent);
        }

        if (state is { Length: > 0 })
        {
            headers.TryAddWithoutValidation("tracestate", state);
        }
    }
}
