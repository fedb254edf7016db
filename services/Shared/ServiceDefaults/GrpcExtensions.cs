using Dapr.Client;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Lavka.ServiceDefaults;

/// <summary>gRPC between services, through Dapr's proxying (Dapr: developing-applications/building-blocks/service-invocation/howto-invoke-services-grpc).</summary>
public static class GrpcExtensions
{
    // Kestrel's own setting.
    private const string Protocols = "Kestrel:EndpointDefaults:Protocols";

    /// <summary>
    /// The service serves gRPC at the port of its HTTP API. Without TLS one port cannot speak HTTP/1.1 and HTTP/2, so it speaks HTTP/2 alone: its <c>appProtocol</c> is <c>h2c</c>.
    /// </summary>
    public static void AddGrpcApi(this WebApplicationBuilder builder)
    {
        builder.Configuration[Protocols] ??= nameof(HttpProtocols.Http2);
        builder.Services.AddGrpc();
        builder.Services.AddGrpcHealthChecks(health =>
        {
            health.Services.Map("", check => !check.Tags.Contains(SidecarHealth.Ready));
            health.Services.Map(SidecarHealth.Ready, check => check.Tags.Contains(SidecarHealth.Ready));
        }).AddCheck("self", () => HealthCheckResult.Healthy()); // Of a service without a check gRPC says that nobody knows, which Kubernetes takes for ill.
    }

    /// <summary>Maps a gRPC service, and gRPC's own health check, which is for everybody; its service <c>ready</c> is what <c>/health/ready</c> tells.</summary>
    public static void MapGrpcApi<TService>(this WebApplication app)
        where TService : class
    {
        app.MapGrpcService<TService>();
        app.MapGrpcHealthChecksService();
    }

    /// <summary>Registers the client of another service's gRPC API.</summary>
    /// <param name="builder">The service that asks.</param>
    /// <param name="appId">The app id of the one that answers.</param>
    /// <param name="make">Makes the generated client.</param>
    public static void AddGrpcPeer<TClient>(this WebApplicationBuilder builder, string appId, Func<CallInvoker, TClient> make)
        where TClient : class => builder.Services.AddSingleton(services =>
        {
            var settings = services.GetRequiredService<IConfiguration>();
            var callers = services.GetRequiredService<CallerTokens>();
            return make(GrpcChannel.ForAddress(SidecarClient.Endpoint(settings), SidecarClient.Options())
                .Intercept(new InvocationInterceptor(appId, settings["DAPR_API_TOKEN"]))
                .Intercept(metadata =>
                {
                    metadata.Add(CallerTokens.Header, callers.ForService());
                    return metadata;
                }));
        });
}
