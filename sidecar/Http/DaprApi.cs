using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Lavka.Sidecar.Observability;

namespace Lavka.Sidecar.Http;

/// <summary>The areas of Dapr's HTTP API.</summary>
internal sealed class Apis
{
    public required StateApi State { get; init; }

    public required PubSubApi PubSub { get; init; }

    public required InvokeApi Invoke { get; init; }

    public required ActorsApi Actors { get; init; }

    public required SecretsApi Secrets { get; init; }

    public required BindingsApi Bindings { get; init; }

    public required ConfigurationApi Configuration { get; init; }

    public required LockApi Lock { get; init; }

    public required JobsApi Jobs { get; init; }

    public required CryptoApi Crypto { get; init; }

    public required ConversationApi Conversation { get; init; }

    public required MetadataApi Metadata { get; init; }

    public required TopicsApi Topics { get; init; }
}

/// <summary>Dapr's HTTP API: which request goes where. What no API takes is an invocation, or not found, as in daprd.</summary>
internal sealed partial class DaprApi(SidecarOptions options, Sidecar sidecar, Telemetry telemetry, bool logging, Apis apis)
{
    private readonly ILogger _log = options.Logs.CreateLogger<DaprApi>();
    private readonly ApiLog? _apiLog = logging ? new(options.Logs.CreateLogger("dapr.runtime.http-info")) : null;
    private readonly OtherSites _otherSites = new(options);
    private readonly byte[]? _token = string.IsNullOrEmpty(options.ApiToken) ? null : Encoding.UTF8.GetBytes(options.ApiToken);

    public async Task Handle(HttpContext http)
    {
        var request = new ApiRequest(http, options.MaxBodySize);
        if (!GoPath.IsEncoded(request.RawPath))
        {
            http.Response.StatusCode = StatusCodes.Status400BadRequest;
            http.Response.ContentType = "text/plain; charset=utf-8";
            http.Response.Headers.Connection = "close";
            await http.Response.WriteAsync("400 Bad Request", http.RequestAborted);
            return;
        }

        using var span = telemetry.StartCall(request);
        if (span is not null)
        {
            request.Trace = span;
            http.Response.Headers.TraceParent = span.Id;
            if (span.TraceStateString is { Length: > 0 } state)
            {
                http.Response.Headers.TraceState = state;
            }
        }

        if (telemetry.Metrics is null && _apiLog is null && span is null)
        {
            await Answer(request);
            return;
        }

        var started = Stopwatch.GetTimestamp();
        try
        {
            await Answer(request);
        }
        finally
        {
            var elapsed = Stopwatch.GetElapsedTime(started);
            Telemetry.End(span, http.Response.StatusCode);
            telemetry.Metrics?.Server(request.Method, request.Segments, http.Response.StatusCode, elapsed,
                (http.Request.ContentLength, http.Response.ContentLength));
            _apiLog?.Called($"{request.Method} {Uri.UnescapeDataString(request.RawPath)}", http.Response.StatusCode, (long)elapsed.TotalMilliseconds, http.Request.Headers.UserAgent.ToString());
        }
    }

    private async Task Answer(ApiRequest request)
    {
        var http = request.Http;
        if (_token is not null && !IsHealth(request) && !CryptographicOperations.FixedTimeEquals(_token, Encoding.UTF8.GetBytes(http.Request.Headers["dapr-api-token"].ToString())))
        {
            http.Response.StatusCode = StatusCodes.Status401Unauthorized;
            http.Response.ContentType = "text/plain; charset=utf-8";
            await http.Response.WriteAsync("invalid api token\n", http.RequestAborted);
            return;
        }

        if (http.Request.Headers.Baggage is { Count: > 0 } baggage && !IsHealth(request))
        {
            if (Baggage.ProblemOf(baggage.ToString()) is { } problem)
            {
                http.Response.StatusCode = StatusCodes.Status400BadRequest;
                http.Response.ContentType = "text/plain; charset=utf-8";
                await http.Response.WriteAsync($"invalid baggage header: {problem}\n", http.RequestAborted);
                return;
            }

            http.Response.Headers.Baggage = baggage;
        }

        try
        {
            if (!IsHealth(request))
            {
                _otherSites.Check(http.Request);
            }

            if (!await Route(request))
            {
                await apis.Invoke.Handle(request);
            }
        }
        catch (ApiException e) when (!http.Response.HasStarted)
        {
            Reset(http);
            await request.Answer(e);
        }
        catch (BodyTooLargeException e) when (!http.Response.HasStarted)
        {
            Reset(http);
            await request.Answer(new ApiException(400, "ERR_BODY_READ", $"failed to read request body: {e.Message}"));
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The caller has gone.
        }
        catch (Exception e) when (!http.Response.HasStarted && e is not BadHttpRequestException)
        {
            LogFailed(http.Request.Method, request.RawPath, e);
            Reset(http);
            await request.Answer(new ApiException(500, "ERROR", e.Message));
        }
    }

    /// <summary>Takes back what was written of an answer, but for its trace and its baggage.</summary>
    private static void Reset(HttpContext http)
    {
        var headers = http.Response.Headers;
        var (parent, state, baggage) = (headers.TraceParent, headers.TraceState, headers.Baggage);
        http.Response.Clear();
        (headers.TraceParent, headers.TraceState, headers.Baggage) = (parent, state, baggage);
    }

    private async ValueTask<bool> Route(ApiRequest request)
    {
        if (request.Segments.Length < 2 || (!IsHealth(request) && !sidecar.Configuration.IsOpen("http", request.Segments[0], request.Segments[1])))
        {
            return false;
        }

        switch (request.Segments[0], request.Segments[1])
        {
            case ("v1.0", "state"):
                return await apis.State.TryHandle(request, alpha: false);
            case ("v1.0-alpha1", "state"):
                return await apis.State.TryHandle(request, alpha: true);
            case ("v1.0", "publish"):
                return await apis.PubSub.TryHandle(request, alpha: false);
            case ("v1.0-alpha1", "publish"):
                return await apis.PubSub.TryHandle(request, alpha: true);
            case ("v1.0", "actors"):
                return await apis.Actors.TryHandle(request);
            case ("v1.0", "secrets"):
                return await apis.Secrets.TryHandle(request);
            case ("v1.0", "bindings"):
                return await apis.Bindings.TryHandle(request);
            case ("v1.0" or "v1.0-alpha1", "configuration"):
                return await apis.Configuration.TryHandle(request);
            case ("v1.0-alpha1", "lock" or "unlock"):
                return await apis.Lock.TryHandle(request);
            case ("v1.0-alpha1", "jobs"):
                return await apis.Jobs.TryHandle(request);
            case ("v1.0-alpha1", "crypto" or "subtlecrypto"):
                return await apis.Crypto.TryHandle(request);
            case ("v1.0-alpha1" or "v1.0-alpha2", "conversation"):
                return await apis.Conversation.TryHandle(request, second: request.Segments[0] == "v1.0-alpha2");
            case ("v1.0", "metadata"):
                return await apis.Metadata.TryHandle(request);
            case ("embedded", "v1"):
                return await apis.Topics.TryHandle(request);
            case ("v1.0", "healthz"):
                return Health(request);
            case ("v1.0", "shutdown") when request.Segments.Length == 2 && request.Method == "POST":
                request.Nothing();
                sidecar.RequestShutdown();
                return true;
            default:
                return false;
        }
    }

    private static bool IsHealth(ApiRequest request) =>
        request.Method == "GET" && request.Segments is ["v1.0", "healthz"] or ["v1.0", "healthz", "outbound"];

    private bool Health(ApiRequest request)
    {
        if (!IsHealth(request))
        {
            return false;
        }

        if (request.Http.Request.Query["appid"] is { Count: > 0 } appId && appId != options.AppId)
        {
            throw new ApiException(500, "ERR_HEALTH_APPID_NOT_MATCH", "dapr app-id does not match");
        }

        if (request.Segments.Length == 2 && !sidecar.Ready.IsCompletedSuccessfully)
        {
            throw new ApiException(500, "ERR_HEALTH_NOT_READY", "dapr is not ready: [app]");
        }

        request.Nothing();
        return true;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Method} {Path} failed")]
    private partial void LogFailed(string method, string path, Exception error);
}

/// <summary>Reports every call of the API (Dapr: operations/observability/logging, API logging).</summary>
internal sealed partial class ApiLog(ILogger log)
{
    [LoggerMessage(Level = LogLevel.Information, Message = "HTTP API Called: {Method} {Code} in {Duration} ms, {UserAgent}")]
    public partial void Called(string method, int code, long duration, string userAgent);

    [LoggerMessage(Level = LogLevel.Information, Message = "gRPC API Called: {Method} {Code} in {Duration} ms, {UserAgent}")]
    public partial void CalledGrpc(string method, global::Grpc.Core.StatusCode code, long duration, string userAgent);
}
