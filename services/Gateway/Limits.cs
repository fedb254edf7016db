using System.Globalization;
using System.Threading.RateLimiting;
using Microsoft.AspNetCore.RateLimiting;

namespace Lavka.Gateway;

/// <summary>
/// What one client may ask for, and for how long: <c>Gateway:RequestsPerSecond</c> (2000), <c>Gateway:SignInsPerMinute</c> and <c>Gateway:RegistrationsPerMinute</c> (30 each),
/// <c>Gateway:RequestTimeout</c> (30 s), and <c>Gateway:Cors:Origins</c>, the web sites whose pages may call us (none). A client is a signed-in user, or an address.
/// </summary>
public static class Limits
{
    /// <summary>The stricter limit of signing in: by trying, a password can be found.</summary>
    public const string SignIn = "sign-in";

    /// <summary>The stricter limit of registering, apart from the other: who registers many does not keep their neighbours behind one address from signing in. To hash a password is slow on purpose.</summary>
    public const string Registration = "registration";

    private const int PerMinute = 30;

    public static void AddLimits(this WebApplicationBuilder builder)
    {
        var settings = builder.Configuration.GetSection("Gateway");
        var perSecond = settings.GetValue("RequestsPerSecond", 2000);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = Forwarder.LargestBodyRead;
        });
        builder.Services.AddRateLimiter(limiter =>
        {
            limiter.GlobalLimiter = PartitionedRateLimiter.Create<HttpContext, string>(http => http.Request.Path == "/health"
                ? RateLimitPartition.GetNoLimiter("health")
                : RateLimitPartition.GetTokenBucketLimiter(ClientOf(http), _ => new()
                {
                    TokenLimit = perSecond * 2,
                    TokensPerPeriod = perSecond,
                    ReplenishmentPeriod = TimeSpan.FromSeconds(1),
                }));
            AddPerMinute(SignIn, settings.GetValue("SignInsPerMinute", PerMinute));
            AddPerMinute(Registration, settings.GetValue("RegistrationsPerMinute", PerMinute));
            limiter.OnRejected = Refuse;

            void AddPerMinute(string name, int most) =>
                limiter.AddPolicy(name, http => RateLimitPartition.GetFixedWindowLimiter(AddressOf(http), _ => new() { PermitLimit = most, Window = TimeSpan.FromMinutes(1) }));
        });
        builder.Services.AddRequestTimeouts(timeouts => timeouts.DefaultPolicy = new()
        {
            Timeout = settings.GetValue("RequestTimeout", TimeSpan.FromSeconds(30)),
            TimeoutStatusCode = StatusCodes.Status504GatewayTimeout,
            WriteTimeoutResponse = http => Problem(http, StatusCodes.Status504GatewayTimeout, "The answer takes too long; try again in a moment."),
        });
        builder.Services.AddCors(cors => cors.AddDefaultPolicy(policy => policy
            .WithOrigins(settings.GetSection("Cors:Origins").Get<string[]>() ?? []).AllowAnyHeader().AllowAnyMethod()
            .WithExposedHeaders("Link", "Location", "ETag", "Retry-After", ResponseHeaders.CorrelationId, "traceparent")));
    }

    /// <summary>Answers with problem details.</summary>
    public static async Task Problem(HttpContext http, int status, string detail)
    {
        http.Response.StatusCode = status;
        await http.RequestServices.GetRequiredService<IProblemDetailsService>().WriteAsync(new() { HttpContext = http, ProblemDetails = { Status = status, Detail = detail } });
    }

    private static ValueTask Refuse(OnRejectedContext rejected, CancellationToken stop)
    {
        var after = rejected.Lease.TryGetMetadata(MetadataName.RetryAfter, out var pause) ? Math.Max(1, (int)Math.Ceiling(pause.TotalSeconds)) : 1;
        rejected.HttpContext.Response.Headers.RetryAfter = after.ToString(CultureInfo.InvariantCulture);
        return new(Problem(rejected.HttpContext, StatusCodes.Status429TooManyRequests, $"Too many requests; try again in {after} s."));
    }

    private static string ClientOf(HttpContext http) => http.User.UserId() is { } user ? $"user {user}" : AddressOf(http);

    private static string AddressOf(HttpContext http) => $"address {http.Connection.RemoteIpAddress}";
}
