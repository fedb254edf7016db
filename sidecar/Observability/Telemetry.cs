using System.Diagnostics;
using System.Globalization;
using System.Net.Http.Headers;
using Grpc.Core;
using Lavka.Sidecar.Http;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Status = Grpc.Core.Status;
using StatusCode = Grpc.Core.StatusCode;

namespace Lavka.Sidecar.Observability;

/// <summary>
/// Spans and metrics of one sidecar (Dapr: operations/observability). Without tracing in its Configuration, a sidecar passes trace context on and adds nothing;
/// with it, every call of the API and every call of the app is a span, under Dapr's names.
/// </summary>
internal sealed class Telemetry : IDisposable
{
    private readonly ActivitySource? _source;
    private readonly TracerProvider? _provider;

    /// <param name="options">The sidecar.</param>
    /// <param name="tracing">What the Configuration says; null: no tracing.</param>
    /// <param name="metrics">What it says of metrics.</param>
    public Telemetry(SidecarOptions options, TracingSpec? tracing, MetricsSpec metrics)
    {
        Metrics = options.MetricsPort is null || !metrics.IsEnabled ? null : new(options.AppId, options.Namespace ?? "", metrics);
        IsOn = tracing is not { Rate: 0 };
        if (tracing is not { IsOn: true })
        {
            return;
        }

        // A name of its own for each app id: sidecars of one process export their own spans only.
        _source = new ActivitySource($"dapr-diagnostics/{options.AppId}");
        var builder = Sdk.CreateTracerProviderBuilder()
            .AddSource(_source.Name)
            .SetSampler(new ParentBasedSampler(tracing.Rate >= 1 ? new AlwaysOnSampler() : tracing.Rate <= 0 ? new AlwaysOffSampler() : new TraceIdRatioBasedSampler(tracing.Rate)))
            .SetResourceBuilder(ResourceBuilder.CreateEmpty().AddService(options.Environment.GetValueOrDefault("OTEL_SERVICE_NAME") ?? options.AppId, autoGenerateServiceInstanceId: false));
        if (tracing.Zipkin is { } zipkin)
        {
            builder.AddProcessor(new BatchActivityExportProcessor(new ZipkinExporter(zipkin, options.AppId)));
        }

        if (tracing.Otlp is { } otlp)
        {
            builder.AddOtlpExporter(exporter =>
            {
                exporter.Endpoint = new(otlp.Endpoint);
                exporter.Protocol = otlp.IsHttp ? OtlpExportProtocol.HttpProtobuf : OtlpExportProtocol.Grpc;
                exporter.Headers = otlp.Headers;
            });
        }

        if (tracing.Stdout)
        {
            builder.AddProcessor(new SimpleActivityExportProcessor(new LogExporter(options.Logs.CreateLogger("dapr.runtime.trace"))));
        }

        _provider = builder.Build();
    }

    /// <summary>Whether calls belong to traces: unless the sampling rate is 0.</summary>
    public bool IsOn { get; }

    /// <summary>What is counted; null when nobody asks for it.</summary>
    public Metrics? Metrics { get; }

    /// <summary>Begins the span of an API call, continuing the caller's trace; null without tracing.</summary>
    public Activity? StartCall(ApiRequest request)
    {
        if (_source is null || request.RawPath.Contains("/healthz", StringComparison.Ordinal))
        {
            return null;
        }

        var headers = request.Http.Request.Headers;
        var path = Uri.UnescapeDataString(request.RawPath);
        var span = Start(path, headers.TraceParent, headers.TraceState);
        if (span is { IsAllDataRequested: true })
        {
            span.SetTag("dapr.protocol", "http").SetTag("dapr.api", $"{request.Method} {path}").SetTag("http.request.method", request.Method)
                .SetTag("url.full", request.RawPath + request.Http.Request.QueryString).SetTag("server.address", request.Http.Connection.RemoteIpAddress?.ToString())
                .SetTag("server.port", request.Http.Connection.RemotePort.ToString(CultureInfo.InvariantCulture));
            Describe(span, request);
        }

        return span;
    }

    /// <summary>Begins the span of a call of the gRPC API, continuing the caller's trace; without tracing the call has the caller's.</summary>
    /// <param name="method">Its full name.</param>
    /// <param name="traceBin">The caller's <c>grpc-trace-bin</c>, which comes before its <c>traceparent</c>; null: none.</param>
    /// <param name="traceParent">The caller's <c>traceparent</c>, or null.</param>
    /// <param name="isForOwnApp">Whether it is passed on to this sidecar's own app.</param>
    public CallTrace StartCall(string method, byte[]? traceBin, string? traceParent, bool isForOwnApp = false)
    {
        // A state that comes along is lost here in daprd, too.
        var isKnown = traceBin is null ? ActivityContext.TryParse(traceParent, null, isRemote: true, out var parent) : TraceBinary.TryRead(traceBin, out parent);
        return TraceOf(_source is null ? null : Start(method, isKnown ? parent : default, isForOwnApp ? ActivityKind.Server : ActivityKind.Client), parent);
    }

    /// <summary>The trace of a call with this span, or without one.</summary>
    public CallTrace TraceOf(Activity? span, ActivityContext parent) => span is not null ? new(span, span.Context, IsOn: true) : new(null, IsOn ? parent : default, IsOn);

    /// <summary>Notes how a call of the gRPC API ended.</summary>
    public static void EndCall(Activity? span, Status status)
    {
        if (span is not null && status.StatusCode != StatusCode.OK)
        {
            span.SetStatus(ActivityStatusCode.Error, status.Detail);
        }
    }

    /// <summary>Begins the span of a call to the app, in the trace that the event belongs to; null without tracing.</summary>
    /// <param name="name"><c>pubsub/topic</c> or <c>bindings/name</c>.</param>
    /// <param name="traceParent">The event's trace, or null.</param>
    /// <param name="traceState">The trace's state, or null.</param>
    public Activity? StartDelivery(string name, string? traceParent, string? traceState)
    {
        var span = _source is null ? null : Start(name, traceParent, traceState);
        if (span is { IsAllDataRequested: true })
        {
            var slash = name.IndexOf('/', StringComparison.Ordinal);
            var (kind, target) = (name[..slash], name[(slash + 1)..]);
            if (kind == "pubsub")
            {
                span.SetTag("messaging.system", "pubsub").SetTag("messaging.destination.name", target);
            }
            else
            {
                span.SetTag("db.name", target).SetTag("rpc.service", "Dapr").SetTag("db.system", "bindings").SetTag("db.connection_string", $"POST /{target}");
            }
        }

        return span;
    }

    /// <summary>Notes how the call ended; disposing of the span ends it.</summary>
    public static void End(Activity? span, int status)
    {
        if (span is null)
        {
            return;
        }

        span.SetTag("dapr.status_code", status.ToString(CultureInfo.InvariantCulture));
        if (status >= 400)
        {
            span.SetStatus(ActivityStatusCode.Error, $"Code({status}): {Microsoft.AspNetCore.WebUtilities.ReasonPhrases.GetReasonPhrase(status)}");
        }
    }

    /// <summary>The trace context of a request: the span's, or what came in.</summary>
    public static (string TraceParent, string TraceState) ContextOf(Activity? span, HttpRequest request) => span is not null
        ? (span.Id!, span.TraceStateString ?? "")
        : (request.Headers.TraceParent.ToString(), request.Headers.TraceState.ToString());

    /// <summary>Gives a request to the app its trace context: the span's, or what came with the event.</summary>
    public static void Propagate(Activity? span, string? traceParent, string? traceState, HttpRequestHeaders headers)
    {
        if ((span?.Id ?? traceParent) is not { } parent)
        {
            return;
        }

        headers.Remove("traceparent");
        headers.TryAddWithoutValidation("traceparent", parent);
        if ((span is null ? traceState : span.TraceStateString) is { Length: > 0 } state)
        {
            headers.Remove("tracestate");
            headers.TryAddWithoutValidation("tracestate", state);
        }
    }

    /// <summary>
    /// Gives a call of a gRPC app its trace context, as text and as <c>grpc-trace-bin</c>: the span's, or what came with the event. As from daprd, one without a trace has zeros in both, and
    /// with a sampling rate of 0 there is none.
    /// </summary>
    public void Propagate(Activity? span, string? traceParent, string? traceState, Metadata headers)
    {
        if (IsOn)
        {
            TraceOf(span, ActivityContext.TryParse(traceParent, traceState, out var parent) ? parent : default).AddTo(headers);
        }
    }

    public void Dispose()
    {
        _provider?.ForceFlush(2000);
        _provider?.Dispose();
        _source?.Dispose();
    }

    private Activity? Start(string name, string? traceParent, string? traceState) =>
        Start(name, ActivityContext.TryParse(traceParent, traceState, isRemote: true, out var context) ? context : default, ActivityKind.Client);

    // Dapr's spans are of the kind CLIENT, unless the call is passed on to the app beside the sidecar.
    private Activity? Start(string name, ActivityContext parent, ActivityKind kind)
    {
        Activity.Current = null;
        return _source!.StartActivity(name, kind, parent);
    }

    private static void Describe(Activity span, ApiRequest request)
    {
        var (method, path) = (request.Method, span.DisplayName);
        switch (request.Segments)
        {
            case [_, "actors", var type, var id, "method", ..]:
                span.DisplayName = $"CallActor/{type}/{request.Rest(5)}";
                span.SetTag("dapr.actor", $"{type}.{id}").SetTag("rpc.service", "ServiceInvocation").SetTag("net.peer.name", $"{type}.{id}");
                break;
            case [_, "actors", var type, var id, var kind and ("reminders" or "timers"), ..]:
                var what = kind == "timers" ? "Timer" : "Reminder";
                span.DisplayName = $"{(method == "DELETE" ? "Unregister" : method == "GET" ? "Get" : "Register")}Actor{what}/{type}";
                span.SetTag("dapr.actor", $"{type}.{id}");
                break;
            case [_, "actors", var type, var id, "state", ..]:
                span.SetTag("dapr.actor", $"{type}.{id}");
                Store("state", "actor");
                break;
            case [_, var kind and ("state" or "secrets" or "bindings"), ..]:
                Store(kind, request.Segments.Length > 2 ? request.Segment(2) : "");
                break;
            case [_, "publish", ..]:
                span.SetTag("messaging.system", "pubsub");
                break;
        }

        void Store(string system, string name) =>
            span.SetTag("db.system", system).SetTag("db.connection_string", system).SetTag("db.statement", $"{method} {path}").SetTag("db.name", name);
    }
}
