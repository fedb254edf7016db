using System.Diagnostics;
using System.Text.RegularExpressions;

namespace Lavka.Gateway;

/// <summary>
/// Headers of every response: what browsers are not to do with it, and how to find it again: <c>traceparent</c> (W3C Trace Context) and <c>X-Correlation-Id</c>, the client's
/// own if it sent one, which goes on to the services too.
/// </summary>
public sealed partial class ResponseHeaders(RequestDelegate next)
{
    public const string CorrelationId = "X-Correlation-Id";

    public Task InvokeAsync(HttpContext http)
    {
        var trace = Activity.Current?.Id ?? $"00-{ActivityTraceId.CreateRandom()}-{ActivitySpanId.CreateRandom()}-00";
        var correlation = http.Request.Headers[CorrelationId].ToString();
        correlation = Harmless().IsMatch(correlation) ? correlation : trace.Split('-')[1];
        http.Request.Headers[CorrelationId] = correlation;
        http.Response.OnStarting(() =>
        {
            var headers = http.Response.Headers;
            headers["traceparent"] = trace;
            headers[CorrelationId] = correlation;
            headers.XContentTypeOptions = "nosniff";
            headers.XFrameOptions = "DENY";
            headers["Referrer-Policy"] = "no-referrer";
            headers.ContentSecurityPolicy = IsPage(http)
                ? "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
                : "default-src 'none'; frame-ancestors 'none'";
            if (!headers.ContainsKey("Cache-Control") && !IsPage(http))
            {
                headers.CacheControl = "no-store";
            }

            return Task.CompletedTask;
        });
        return next(http);
    }

    private static bool IsPage(HttpContext http) => http.Request.Path.StartsWithSegments("/docs") || http.Request.Path.StartsWithSegments("/ops");

    [GeneratedRegex("^[A-Za-z0-9._-]{1,64}$")]
    private static partial Regex Harmless();
}
