using System.Security.Cryptography;
using System.Text;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;

namespace Lavka.ServiceDefaults;

/// <summary>
/// Lets in only what comes from the service's own sidecar, if <c>APP_API_TOKEN</c> is set: Dapr sends it as <c>dapr-api-token</c> (Dapr: operations/security/app-api-token).
/// Health is for everybody.
/// </summary>
internal sealed class AppToken(RequestDelegate next, ServiceName service, IConfiguration configuration)
{
    private readonly byte[]? _token = configuration["APP_API_TOKEN"] is { Length: > 0 } token ? Encoding.UTF8.GetBytes(token) : null;

    public Task InvokeAsync(HttpContext http) =>
        IsByAnotherApp(http.Request) ? throw new RequestException(StatusCodes.Status403Forbidden, "Events come from the broker, not from other services.")
        : _token is null || http.Request.Path.StartsWithSegments("/health") || http.Request.Path.StartsWithSegments("/grpc.health.v1.Health") || CryptographicOperations.FixedTimeEquals(_token, Encoding.UTF8.GetBytes(http.Request.Headers["dapr-api-token"].ToString())) ? next(http)
        : throw new RequestException(StatusCodes.Status401Unauthorized, "This service answers its own Dapr sidecar alone; call it through Dapr, or through the Gateway.");

    // Service invocation names its caller (Dapr: reference/api/service_invocation_api); deliveries have none.
    private bool IsByAnotherApp(HttpRequest request) => request.Path.StartsWithSegments("/events")
        && request.Headers["dapr-caller-app-id"].ToString() is { Length: > 0 } caller && caller != service.Name;
}
