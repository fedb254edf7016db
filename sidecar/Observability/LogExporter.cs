using System.Diagnostics;
using OpenTelemetry;

namespace Lavka.Sidecar.Observability;

/// <summary>Logs spans (Dapr: <c>spec.tracing.stdout</c>).</summary>
internal sealed partial class LogExporter(ILogger log) : BaseExporter<Activity>
{
    public override ExportResult Export(in Batch<Activity> batch)
    {
        foreach (var span in batch)
        {
            LogSpan(span.DisplayName, span.TraceId.ToHexString(), span.ParentSpanId.ToHexString(), span.SpanId.ToHexString(), span.StartTimeUtc, span.StartTimeUtc + span.Duration);
        }

        return ExportResult.Success;
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "[{Name}] Trace: {TraceId} Span: {ParentId}/{SpanId} Time: [{Start:o} ->  {End:o}] Annotations: []")]
    private partial void LogSpan(string name, string traceId, string parentId, string spanId, DateTime start, DateTime end);
}
