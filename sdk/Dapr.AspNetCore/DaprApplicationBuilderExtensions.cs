using Dapr;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Dapr's middleware.</summary>
public static class DaprApplicationBuilderExtensions
{
    /// <summary>Takes events out of their CloudEvents envelope before the endpoints see them.</summary>
    /// <param name="builder">The application.</param>
    public static IApplicationBuilder UseCloudEvents(this IApplicationBuilder builder) => builder.UseCloudEvents(new CloudEventsMiddlewareOptions());

    /// <summary>Takes events out of their CloudEvents envelope before the endpoints see them.</summary>
    /// <param name="builder">The application.</param>
    /// <param name="options">How.</param>
    public static IApplicationBuilder UseCloudEvents(this IApplicationBuilder builder, CloudEventsMiddlewareOptions options) => builder.UseMiddleware<CloudEventsMiddleware>(options);
}
