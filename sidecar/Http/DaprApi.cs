using System.Security.Cryptography;
using System.Text;

namespace Lavka.Sidecar.Http;

/// <summary>Dapr's HTTP API: which request goes where. What no API takes is an invocation, or not found, as in daprd.</summary>
internal sealed partial class DaprApi(
    SidecarOptions options, Sidecar sidecar, StateApi state, PubSubApi pubSub, InvokeApi invoke, ActorsApi actors, SecretsApi secrets, BindingsApi bindings, MetadataApi metadata, ILogger<DaprApi> log)
{
    private readonly byte[]? _token = string.IsNullOrEmpty(options.ApiToken) ? null : Encoding.UTF8.GetBytes(options.ApiToken);

    public async Task Handle(HttpContext http)
    {
        var request = new ApiRequest(http, options.MaxBodySize);
        if (_token is not null && !IsHealth(request) && !CryptographicOperations.FixedTimeEquals(_token, Encoding.UTF8.GetBytes(http.Request.Headers["dapr-api-token"].ToString())))
        {
            http.Response.StatusCode = StatusCodes.Status401Unauthorized;
            http.Response.ContentType = "text/plain; charset=utf-8";
            await http.Response.WriteAsync("invalid api token\n", http.RequestAborted);
            return;
        }

        try
        {
            if (!await Route(request))
            {
                await invoke.Handle(request);
            }
        }
        catch (ApiException e) when (!http.Response.HasStarted)
        {
            http.Response.Clear();
            await request.Answer(e);
        }
        catch (BodyTooLargeException e)
        {
            await request.Answer(new ApiException(400, "ERR_BODY_READ", $"failed to read request body: {e.Message}"));
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The caller has gone.
        }
        catch (Exception e) when (!http.Response.HasStarted && e is not BadHttpRequestException)
        {
            LogFailed(http.Request.Method, request.RawPath, e);
            http.Response.Clear();
            await request.Answer(new ApiException(500, "ERROR", e.Message));
        }
    }

    private async ValueTask<bool> Route(ApiRequest request)
    {
        if (request.Segments.Length < 2)
        {
            return false;
        }

        switch (request.Segments[0], request.Segments[1])
        {
            case ("v1.0", "state"):
                return await state.TryHandle(request, alpha: false);
            case ("v1.0", "publish"):
                return await pubSub.TryHandle(request);
            case ("v1.0", "actors"):
                return await actors.TryHandle(request);
            case ("v1.0", "secrets"):
                return await secrets.TryHandle(request);
            case ("v1.0", "bindings"):
                return await bindings.TryHandle(request);
            case ("v1.0", "metadata"):
                return await metadata.TryHandle(request);
            case ("v1.0", "healthz"):
                return Health(request);
            case ("v1.0", "shutdown") when request.Segments.Length == 2 && request.Method == "POST":
                request.Nothing();
                sidecar.RequestShutdown();
                return true;
            case ("v1.0-alpha1", "state"):
                return await state.TryHandle(request, alpha: true);
            case ("v1.0-alpha1", "publish"):
                return await pubSub.TryHandle(request);
            case ("v1.0" or "v1.0-alpha1", "configuration") when request.Segments.Length >= 3 && request.Method == "GET":
                throw new ApiException(500, "ERR_CONFIGURATION_STORE_NOT_CONFIGURED", "configuration stores not configured");
            case ("v1.0-alpha1", "lock" or "unlock") when request.Segments.Length == 3 && request.Method == "POST":
                throw new ApiException(500, "ERR_LOCK_STORE_NOT_CONFIGURED", "lock store is not configured");
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
