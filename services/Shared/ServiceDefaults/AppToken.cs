using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;

namespace Lavka.ServiceDefaults;

/// <summary>
/// Lets in only what comes from the service's own sidecar, if <c>APP_API_TOKEN</c> is set: Dapr sends it as <c>dapr-api-token</c> (Dapr: operations/security/app-api-token); of that, what Dapr
/// brings by itself (events, actors' calls), and invocations that prove who asks (<see cref="CallerTokens"/>). Health and the documents of the API are for everybody.
/// </summary>
internal sealed class AppToken(RequestDelegate next, ServiceName service, CallerTokens callers, IConfiguration configuration)
{
    private static readonly PathString[] ForEverybody = ["/health", "/grpc.health.v1.Health"];
    private static readonly PathString[] ForWhoeverAsksDapr = ["/openapi"];

    // Dapr brings it, or asks by itself. An event of a bulk that no route wants daprd brings to /, where nothing is.
    private static readonly PathString[] FromDapr = ["/events", "/dapr", "/actors", "/healthz", DeadLetterEndpoints.KeepPath];

    private readonly byte[]? _token = configuration["APP_API_TOKEN"] is { Length: > 0 } token ? Encoding.UTF8.GetBytes(token) : null;

    /// <exception cref="RequestException">401: it does not come from the sidecar, or does not prove who asks; 403: it is not for other services.</exception>
    public async Task InvokeAsync(HttpContext http)
    {
        var (path, headers) = (http.Request.Path, http.Request.Headers);
        var isFromDapr = path == "/" || IsUnder(FromDapr, path);
        if (isFromDapr && IsByAnotherApp(http.Request))
        {
            throw new RequestException(StatusCodes.Status403Forbidden, "Events come from the broker, not from other services.");
        }

        if (_token is not null && !IsUnder(ForEverybody, path) && !CryptographicOperations.FixedTimeEquals(_token, Encoding.UTF8.GetBytes(headers["dapr-api-token"].ToString())))
        {
            throw new RequestException(StatusCodes.Status401Unauthorized, "This service answers its own Dapr sidecar alone; call it through Dapr, or through the Gateway.");
        }

        var caller = await callers.Read(headers[CallerTokens.Header].ToString());
        if (_token is not null && caller is null && !isFromDapr && !IsUnder(ForEverybody, path) && !IsUnder(ForWhoeverAsksDapr, path))
        {
            throw new RequestException(StatusCodes.Status401Unauthorized, "This service answers the other services of the shop, which prove that they are; call it through the Gateway.");
        }

        http.Features.Set(caller);
        await next(http);
    }

    private static bool IsUnder(PathString[] paths, PathString path) => Array.Exists(paths, one => path.StartsWithSegments(one));

    // Service invocation names its caller (Dapr: reference/api/service_invocation_api); deliveries have none.
    private bool IsByAnotherApp(HttpRequest request) => request.Headers["dapr-caller-app-id"].ToString() is { Length: > 0 } caller && caller != service.Name;
}
