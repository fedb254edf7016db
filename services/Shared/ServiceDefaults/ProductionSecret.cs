using Dapr.Client;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Lavka.ServiceDefaults;

/// <summary>
/// Ends the service, with exit code 1, if it is told that this is production (<c>ASPNETCORE_ENVIRONMENT=Production</c>, which nobody sets by chance) while a secret of its is the one that everybody can read.
/// </summary>
internal sealed partial class ProductionSecret(string name, DaprClient dapr, IHostApplicationLifetime app, ILogger<ProductionSecret> log) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    /// <summary>Whether the environment says so itself; .NET takes it for production, too, where nothing is said.</summary>
    public static bool IsWanted =>
        string.Equals(Environment.GetEnvironmentVariable("ASPNETCORE_ENVIRONMENT"), Environments.Production, StringComparison.OrdinalIgnoreCase);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (true)
        {
            try
            {
                if ((await dapr.GetSecretAsync(Secrets.Store, name, cancellationToken: stoppingToken)).GetValueOrDefault(name) == Secrets.OfDevelopment[name])
                {
                    LogUnsafe(name);
                    Environment.ExitCode = 1;
                    app.StopApplication();
                }

                return;
            }
            catch (Exception) when (!stoppingToken.IsCancellationRequested)
            {
                // The sidecar is on its way up.
                await Task.Delay(Pause, stoppingToken);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Critical, Message = "This is production, and the secret '{Name}' is the one of components/secrets.json, which everybody can read; make your own")]
    private partial void LogUnsafe(string name);
}
