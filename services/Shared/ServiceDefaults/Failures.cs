using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Lavka.ServiceDefaults;

/// <summary>
/// What a failure becomes. For a client: problem details (RFC 9457) with one clear sentence. For a delivery: an error, so that it comes again; what can never
/// pass has been taken by <see cref="Deliveries"/>.
/// </summary>
internal sealed partial class Failures(IProblemDetailsService problems, ILogger<Failures> log) : IExceptionHandler
{
    public async ValueTask<bool> TryHandleAsync(HttpContext http, Exception exception, CancellationToken stop)
    {
        if (http.GetEndpoint()?.Metadata.GetMetadata<EventEndpoint>() is not null)
        {
            LogAgain(http.Request.Path, exception.Reason());
            http.Response.StatusCode = StatusCodes.Status500InternalServerError;
            return true;
        }

        var (status, detail) = exception switch
        {
            RequestException e => (e.Status, e.Message),
            BadHttpRequestException { StatusCode: StatusCodes.Status413PayloadTooLarge } => (StatusCodes.Status413PayloadTooLarge, "The request body is too large."),
            BadHttpRequestException { InnerException: JsonException e } => (StatusCodes.Status400BadRequest, InBody(e)),
            BadHttpRequestException e => (e.StatusCode, e.Message),
            _ => (StatusCodes.Status500InternalServerError, "The service failed; it has been reported. Try again."),
        };
        if (status == StatusCodes.Status500InternalServerError)
        {
            LogFailed(http.Request.Method, http.Request.Path, exception);
        }

        http.Response.StatusCode = status;
        if ((exception as RequestException)?.RetryAfter is { } pause)
        {
            http.Response.Headers.RetryAfter = Math.Ceiling(pause.TotalSeconds).ToString("0", CultureInfo.InvariantCulture);
        }

        await problems.WriteAsync(new() { HttpContext = http, ProblemDetails = { Status = status, Detail = detail, Extensions = (exception as RequestException)?.Extensions ?? new Dictionary<string, object?>() } });
        return true;
    }

    // System.Text.Json wraps what it could not parse; what it could parse but not convert stands alone.
    private static string InBody(JsonException e) => e.InnerException is JsonException || e.Path is null or "$"
        ? $"The body is not JSON of the kind it must be (line {e.LineNumber + 1}, position {e.BytePositionInLine + 1})."
        : $"The value at {e.Path} is not of the kind it must be.";

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} {Path} failed")]
    private partial void LogFailed(string method, string path, Exception error);

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Path}: an event could not be taken and comes again: {Problem}")]
    private partial void LogAgain(string path, string problem);
}
