using System.Globalization;
using System.Net.NetworkInformation;
using Lavka.Sidecar;
using Lavka.Sidecar.Resources;

namespace Lavka.Run;

/// <summary>Every app of a run file as a process of its own, each with an embedded sidecar in this one.</summary>
internal sealed class Shop : IAsyncDisposable
{
    // Processes of a runner that was killed need a moment to follow it.
    private static readonly TimeSpan PortPatience = TimeSpan.FromSeconds(3);

    // An instance that does not answer gets nothing, so that another one has its work.
    private static readonly AppHealthCheck HealthCheck = new("/health", TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1), 2);

    private readonly List<Sidecar.Sidecar> _sidecars = [];
    private readonly List<AppProcess> _processes = [];

    private Shop(IReadOnlyList<AppSpec> apps) => Apps = apps;

    public IReadOnlyList<AppSpec> Apps { get; }

    /// <summary>Starts everything; the apps may still be on their way up, see <see cref="WaitUntilReady"/>.</summary>
    /// <param name="measured">Whether the sidecars count what they are asked.</param>
    /// <exception cref="RunException">A port is in use, or a resource is wrong.</exception>
    public static async Task<Shop> Start(IReadOnlyList<AppSpec> apps, string dataPath, bool measured, ILoggerFactory logs, Action<string, string> appLog, CancellationToken stop)
    {
        await CheckPorts(apps, stop);
        var shop = new Shop(apps);
        try
        {
            var starter = new ProcessStarter();
            var mesh = new SidecarMesh();

            var tokens = ApiTokens.Make(apps, dataPath);
            foreach (var app in apps)
            {
                shop._processes.Add(new(app, EnvironmentOf(app, tokens), starter, appLog));
            }

            foreach (var app in apps)
            {
                shop._sidecars.Add(await StartSidecar(app, dataPath, measured, mesh, logs, tokens, stop));
            }
        }
        catch
        {
            await shop.DisposeAsync();
            throw;
        }

        return shop;
    }

    /// <summary>Where the sidecars' metrics are, of a shop that is measured: <c>orders=http://127.0.0.1:9091/metrics</c>.</summary>
    public IEnumerable<string> Metrics => _sidecars.Select(sidecar => $"{sidecar.AppId}={sidecar.MetricsEndpoint}metrics");

    /// <summary>Whether an app has connected to its sidecar.</summary>
    public bool IsReady(AppSpec app) => _sidecars[Apps.ToList().IndexOf(app)].Ready.IsCompletedSuccessfully;

    public Task WaitUntilReady(CancellationToken stop) => Task.WhenAll(_sidecars.Select(sidecar => sidecar.Ready)).WaitAsync(stop);

    /// <summary>Completes when a sidecar wants to end, because <c>/v1.0/shutdown</c> asked for that or changed resources cannot be loaded; answers its app's id, and whether it failed.</summary>
    public async Task<(string AppId, bool Failed)> ShutdownRequested()
    {
        var ended = await Task.WhenAny(_sidecars.Select(sidecar => sidecar.ShutdownRequested));
        var which = _sidecars.First(sidecar => sidecar.ShutdownRequested == ended);
        return (which.AppId, which.HasFailed);
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_processes.Select(process => process.DisposeAsync().AsTask()));
        await Task.WhenAll(_sidecars.Select(sidecar => sidecar.DisposeAsync().AsTask()));
    }

    /// <summary>What <c>dapr run</c> tells an app, and what the run file adds.</summary>
    private static Dictionary<string, string> EnvironmentOf(AppSpec app, ApiTokens tokens)
    {
        var environment = new Dictionary<string, string>
        {
            ["APP_ID"] = app.AppId,
            ["DAPR_HTTP_PORT"] = app.HttpPort.ToString(CultureInfo.InvariantCulture),
            ["DAPR_GRPC_PORT"] = app.GrpcPort.ToString(CultureInfo.InvariantCulture),

            // On this sidecar what has to be tried again does not hold up the next bulk.
            ["SUBSCRIBE_IN_BULK"] = "true",
        };
        if (app.AppPort is { } port)
        {
            environment["APP_PORT"] = port.ToString(CultureInfo.InvariantCulture);
        }

        foreach (var (name, value) in app.Environment)
        {
            environment[name] = value;
        }

        foreach (var (name, value) in new[] { (ApiTokens.OfApps, tokens.OfApp(app)), (ApiTokens.OfSidecars, tokens.OfSidecar(app)) })
        {
            if (value is not null)
            {
                environment[name] = value;
            }
        }

        return environment;
    }

    private static async Task<Sidecar.Sidecar> StartSidecar(AppSpec app, string dataPath, bool measured, SidecarMesh mesh, ILoggerFactory logs, ApiTokens tokens, CancellationToken stop)
    {
        try
        {
            return await Sidecar.Sidecar.StartAsync(new()
            {
                AppId = app.AppId,
                AppPort = app.AppPort,
                AppProtocol = app.AppProtocol,
                HttpPort = app.HttpPort,
                GrpcPort = app.GrpcPort,
                ResourcesPaths = app.ResourcesPaths,
                ConfigPaths = app.ConfigPaths,
                DataPath = dataPath,
                MetricsPort = measured ? 0 : null,
                WorkingPath = app.Directory,
                Namespace = app.Variable("NAMESPACE"),
                AllowedOrigins = app.Variable("ALLOWED_ORIGINS")?.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries) ?? [],
                ApiToken = tokens.OfSidecar(app),
                AppToken = tokens.OfApp(app),
                IsAppTokenForAppAlone = true,
                AppHealthCheck = app.IsScaled ? HealthCheck : null,
                Logs = logs,
                Mesh = mesh,
            }, stop);
        }
        catch (Exception e) when (e is ResourceException or IOException)
        {
            throw new RunException($"The sidecar of '{app.AppId}' cannot start: {e.Message}");
        }
    }

    private static async Task CheckPorts(IReadOnlyList<AppSpec> apps, CancellationToken stop)
    {
        for (var waited = TimeSpan.Zero; ; waited += TimeSpan.FromMilliseconds(100))
        {
            var listening = IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().Select(endPoint => endPoint.Port).ToHashSet();
            var used = apps.SelectMany(app => new[] { (app.AppId, What: "app", Port: app.AppPort), (app.AppId, What: "sidecar", Port: (int?)app.HttpPort), (app.AppId, What: "sidecar", Port: (int?)app.GrpcPort) })
                .FirstOrDefault(port => port.Port is { } number && listening.Contains(number));
            if (used.Port is null)
            {
                return;
            }

            if (waited >= PortPatience)
            {
                throw new RunException(string.Create(CultureInfo.InvariantCulture,
                    $"Port {used.Port} for the {used.What} of '{used.AppId}' is in use; end the program that uses it, or change the port in dapr.yaml."));
            }

            await Task.Delay(100, stop);
        }
    }
}
