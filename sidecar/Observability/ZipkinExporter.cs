using System.Diagnostics;
using System.Net.Http.Headers;
using System.Text.Json;
using OpenTelemetry;

namespace Lavka.Sidecar.Observability;

/// <summary>Sends spans to Zipkin (zipkin.io: Zipkin API v2, POST /spans).</summary>
internal sealed class ZipkinExporter(Uri address, string serviceName) : BaseExporter<Activity>
{
    private readonly HttpClient _http = new(new SocketsHttpHandler { ActivityHeadersPropagator = null }) { Timeout = TimeSpan.FromSeconds(10) };

    public override ExportResult Export(in Batch<Activity> batch)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, address) { Content = new ByteArrayContent(Json(batch)) };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        try
        {
            using var response = _http.Send(request);
            return response.IsSuccessStatusCode ? ExportResult.Success : ExportResult.Failure;
        }
        catch (Exception e) when (e is HttpRequestException or TaskCanceledException)
        {
            return ExportResult.Failure;
        }
    }

    protected override void Dispose(bool disposing)
    {
        _http.Dispose();
        base.Dispose(disposing);
    }

    private byte[] Json(in Batch<Activity> batch)
    {
        using var buffer = new MemoryStream();
        using var json = new Utf8JsonWriter(buffer);
        json.WriteStartArray();
        foreach (var span in batch)
        {
            Write(json, span);
        }

        json.WriteEndArray();
        json.Flush();
        return buffer.ToArray();
    }

    private void Write(Utf8JsonWriter json, Activity span)
    {
        json.WriteStartObject();
        json.WriteString("traceId", span.TraceId.ToHexString());
        json.WriteString("id", span.SpanId.ToHexString());
        if (span.ParentSpanId != default)
        {
            json.WriteString("parentId", span.ParentSpanId.ToHexString());
        }

        json.WriteString("name", span.DisplayName.ToLowerInvariant());
        json.WriteString("kind", span.Kind.ToString().ToUpperInvariant());
        json.WriteNumber("timestamp", (span.StartTimeUtc - DateTime.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond);
        json.WriteNumber("duration", Math.Max(1, span.Duration.Ticks / TimeSpan.TicksPerMicrosecond));
        json.WriteStartObject("localEndpoint");
        json.WriteString("serviceName", serviceName.ToLowerInvariant());
        json.WriteEndObject();
        json.WriteStartObject("tags");
        foreach (var (name, value) in span.TagObjects.Where(tag => tag.Value is string { Length: > 0 }))
        {
            json.WriteString(name, (string)value!);
        }

        json.WriteString("service.name", serviceName);
        json.WriteString("otel.scope.name", "dapr-diagnostics");
        if (span.Status == ActivityStatusCode.Error)
        {
            json.WriteString("otel.status_code", "ERROR");
            json.WriteString("error", span.StatusDescription);
        }

        json.WriteEndObject();
        json.WriteEndObject();
    }
}
