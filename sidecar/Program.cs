using System.CommandLine;
using System.Net.NetworkInformation;
using System.Runtime.InteropServices;
using Lavka.Sidecar;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.Resources;

// daprd's command line (Dapr: reference/arguments-annotations-overview). Options of daprd that have no meaning here are accepted and ignored.
var appId = Text("--app-id", "The app's id");
appId.Required = true;
var appPort = Number("--app-port", "The port the app listens on", null);
var appProtocol = Text("--app-protocol", "What the app speaks: http, https, h2c, grpc or grpcs", "http");
var appSsl = Flag("--app-ssl", "The same as --app-protocol https or grpcs (deprecated in Dapr)", false);
var appChannelAddress = Text("--app-channel-address", "The host the app listens on", "127.0.0.1");
var appMaxConcurrency = Number("--app-max-concurrency", "How many requests the app gets at once; -1: no limit", -1);
var httpPort = Number("--dapr-http-port", "The port of the Dapr API", 3500);
var grpcPort = Number("--dapr-grpc-port", "The port of the gRPC API", 50001);
var unixDomainSocket = Text("--unix-domain-socket", "A folder for Unix domain sockets: the APIs are there, and on no port");
var listenAddresses = Text("--dapr-listen-addresses", "Where the APIs listen, separated by commas; empty: at loopback alone");
var allowedOrigins = new Option<string[]>("--allowed-origins", "-allowed-origins") { Description = "Origins of web pages that may call the API; *: all, as in daprd" };
var resourcesPath = new Option<string[]>("--resources-path", "-resources-path", "--components-path", "-components-path") { Description = "A folder with Dapr resources; may be repeated" };
var config = new Option<string[]>("--config", "-config") { Description = "A file with a Configuration resource; may be repeated" };
var appTokenForAppAlone = new Option<bool>("--app-token-for-app-alone") { Description = "Do not send APP_API_TOKEN to hosts that the app invokes by their URLs; daprd does" };
var maxBodySize = Text("--max-body-size", "The largest request body, for example 4Mi; 0: no limit", "4Mi");
var maxRequestSize = Number("--dapr-http-max-request-size", "The same in megabytes (deprecated in Dapr)", null);
var enableMetrics = Flag("--enable-metrics", "Whether there are metrics for Prometheus", true);
var metricsPort = Number("--metrics-port", "The port of the metrics", 9090);
var enableAppHealthCheck = Flag("--enable-app-health-check", "Whether the app's health is checked", false);
var appHealthCheckPath = Text("--app-health-check-path", "Where the app tells its health", "/healthz");
var appHealthProbeInterval = Number("--app-health-probe-interval", "Seconds between two health checks", 5);
var appHealthProbeTimeout = Number("--app-health-probe-timeout", "Milliseconds the app has to answer one", 500);
var appHealthThreshold = Number("--app-health-threshold", "How many failed checks make the app unhealthy", 3);
var disableInitEndpoints = new Option<string[]>("--disable-init-endpoints", "-disable-init-endpoints") { Description = "What the app is not asked at its start: config, subscribe" };
var placementHostAddress = Text("--placement-host-address", "There is no need of a placement service; empty: no actors, as in a daprd without one");
var schedulerHostAddress = Text("--scheduler-host-address", "There is no need of a scheduler service; empty: no actors, reminders and jobs");
var enableApiLogging = Flag("--enable-api-logging", "Log every call of the API", false);
var logLevel = Text("--log-level", "debug, info, warn, error or fatal", "info");
var logAsJson = Flag("--log-as-json", "Log a JSON object a line", false);

var command = new RootCommand("Lavka's embedded Dapr sidecar: daprd's HTTP and gRPC APIs on one machine, without Docker.")
{
    appId, appPort, appProtocol, appSsl, appChannelAddress, appMaxConcurrency, httpPort, grpcPort, unixDomainSocket, listenAddresses, allowedOrigins, appTokenForAppAlone,
    resourcesPath, config, maxBodySize, maxRequestSize, enableMetrics, metricsPort, enableAppHealthCheck, appHealthCheckPath,
    appHealthProbeInterval, appHealthProbeTimeout, appHealthThreshold, disableInitEndpoints, placementHostAddress, schedulerHostAddress,
    enableApiLogging, logLevel, logAsJson,
};
command.TreatUnmatchedTokensAsErrors = false;
command.SetAction(async (arguments, stop) =>
{
    using var logs = LoggerFactory.Create(builder => builder
        .SetMinimumLevel(arguments.GetValue(logLevel)!.ToLowerInvariant() switch
        {
            "debug" => LogLevel.Debug,
            "info" => LogLevel.Information,
            "warn" or "warning" => LogLevel.Warning,
            "error" => LogLevel.Error,
            "fatal" => LogLevel.Critical,
            var other => throw new FormatException($"invalid value for --log-level: {other}; allowed are debug, info, warn, error and fatal."),
        })
        .AddConsole(console => console.FormatterName = DaprLogFormatter.FormatterName)
        .AddConsoleFormatter<DaprLogFormatter, DaprLogOptions>(format => (format.AppId, format.AsJson) = (arguments.GetValue(appId)!, arguments.GetValue(logAsJson))));
    var log = logs.CreateLogger("dapr.runtime");
    try
    {
        await using var sidecar = await Start(
            arguments.GetValue(enableMetrics) ? arguments.GetValue(metricsPort) : null, IsWanted(grpcPort) ? arguments.GetValue(grpcPort)!.Value : 0);
        log.LogInformation("The Dapr API is at {Endpoint}, over gRPC at {GrpcEndpoint}", sidecar.HttpEndpoint, sidecar.GrpcEndpoint);
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        await Task.WhenAny(stopped.Task, sidecar.ShutdownRequested);
        return sidecar.HasFailed ? 1 : 0;

        void Stop(PosixSignalContext signal)
        {
            signal.Cancel = true;
            stopped.TrySetResult();
        }
    }
    catch (Exception e) when (e is ResourceException or IOException or FormatException)
    {
        Console.Error.WriteLine(e.Message);
        return 1;
    }

    async Task<Sidecar> Start(int? metrics, int grpc)
    {
        try
        {
            return await Sidecar.StartAsync(new()
            {
                AppId = arguments.GetValue(appId)!,
                AppPort = arguments.GetValue(appPort),
                AppProtocol = AppProtocols.Parse(arguments.GetValue(appProtocol)!, arguments.GetValue(appSsl)) ?? throw new FormatException($"invalid value for --app-protocol: {arguments.GetValue(appProtocol)}; allowed are {AppProtocols.Allowed}."),
                AppChannelAddress = arguments.GetValue(appChannelAddress)!,
                AppMaxConcurrency = arguments.GetValue(appMaxConcurrency) is > 0 and var most ? most : null,
                HttpPort = arguments.GetValue(httpPort) ?? 3500,
                GrpcPort = grpc,
                UnixDomainSocket = arguments.GetValue(unixDomainSocket) is { Length: > 0 } folder ? folder : null,
                ListenAddresses = List([arguments.GetValue(listenAddresses) ?? ""]),
                AllowedOrigins = List(arguments.GetValue(allowedOrigins)),
                MetricsPort = metrics,
                ResourcesPaths = List(arguments.GetValue(resourcesPath)),
                ConfigPaths = List(arguments.GetValue(config)),
                HasControlPlane = !IsEmpty(placementHostAddress) && !IsEmpty(schedulerHostAddress),
                DisabledInitEndpoints = List(arguments.GetValue(disableInitEndpoints)),
                Namespace = Environment.GetEnvironmentVariable("NAMESPACE"),
                ApiToken = Environment.GetEnvironmentVariable("DAPR_API_TOKEN"),
                IsAppTokenForAppAlone = arguments.GetValue(appTokenForAppAlone),
                AppToken = Environment.GetEnvironmentVariable("APP_API_TOKEN"),
                MaxBodySize = arguments.GetValue(maxRequestSize) is { } megabytes ? megabytes * 1024L * 1024L : ByteSize.Parse(arguments.GetValue(maxBodySize)!),
                AppHealthCheck = arguments.GetValue(enableAppHealthCheck)
                    ? new(arguments.GetValue(appHealthCheckPath)!, TimeSpan.FromSeconds(Positive(appHealthProbeInterval, 5)), TimeSpan.FromMilliseconds(Positive(appHealthProbeTimeout, 500)), Positive(appHealthThreshold, 3))
                    : null,
                ApiLogging = arguments.GetValue(enableApiLogging),
                Logs = logs,
            }, stop);
        }
        catch (IOException) when (grpc > 0 && !IsWanted(grpcPort))
        {
            // Somebody has taken it since.
            return await Start(metrics, 0);
        }
        catch (IOException e) when (metrics is not null && arguments.GetResult(metricsPort) is { Implicit: true })
        {
            log.LogWarning("No metrics at port {Port}; choose another with --metrics-port: {Problem}", metrics, e.Message);
            return await Start(null, grpc);
        }
    }

    // Two sidecars on one machine must not fail over a port that nobody asked for.
    bool IsWanted(Option<int?> port) => arguments.GetResult(port) is { Implicit: false }
        || IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().All(used => used.Port != arguments.GetValue(port));

    bool IsEmpty(Option<string> option) => arguments.GetResult(option) is { Implicit: false } && string.IsNullOrEmpty(arguments.GetValue(option));

    int Positive(Option<int?> option, int otherwise) => arguments.GetValue(option) is > 0 and var value ? value : otherwise;
});
return await command.Parse(args).InvokeAsync();

// Go's flags take one dash as well as two.
static Option<string> Text(string name, string description, string? otherwise = null)
{
    var option = new Option<string>(name, name[1..]) { Description = description };
    if (otherwise is not null)
    {
        option.DefaultValueFactory = _ => otherwise;
    }

    return option;
}

static Option<int?> Number(string name, string description, int? otherwise) => new(name, name[1..]) { Description = description, DefaultValueFactory = _ => otherwise };

static Option<bool> Flag(string name, string description, bool otherwise) => new(name, name[1..]) { Description = description, DefaultValueFactory = _ => otherwise };

static string[] List(string[]? values) => [.. (values ?? []).SelectMany(value => value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];
