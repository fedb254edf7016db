using Dapr.Client;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Lavka.ServiceDefaults;

/// <summary>
/// Whether the service can do its work: with its sidecar, asked at <c>/v1.0/healthz/outbound</c> (Dapr: reference/api/health_api). For who sends requests here, as <c>/health/ready</c>;
/// the sidecar itself, and who restarts what does not answer, ask <c>/health</c>.
/// </summary>
internal sealed class SidecarHealth(DaprClient dapr) : IHealthCheck
{
    /// <summary>The tag of checks that readiness waits for.</summary>
    public const string Ready = "ready";

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default) =>
        await dapr.CheckOutboundHealthAsync(cancellationToken) ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("The Dapr sidecar is not there, or not ready.");
}
