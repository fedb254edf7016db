using System.CommandLine;
using System.Runtime.InteropServices;
using Lavka.Sidecar;
using Lavka.Sidecar.Resources;

// daprd's command line (Dapr: reference/arguments-annotations-overview). Options of daprd that have no meaning here are accepted and ignored.
var appId = new Option<string>("--app-id", "-app-id") { Description = "The app's id", Required = true };
var appPort = new Option<int?>("--app-port", "-app-port") { Description = "The port the app listens on" };
var appChannelAddress = new Option<string>("--app-channel-address", "-app-channel-address") { Description = "The host the app listens on", DefaultValueFactory = _ => "127.0.0.1" };
var appMaxConcurrency = new Option<int>("--app-max-concurrency", "-app-max-concurrency") { Description = "How many requests the app gets at once; -1: no limit", DefaultValueFactory = _ => -1 };
var httpPort = new Option<int>("--dapr-http-port", "-dapr-http-port") { Description = "The port of the Dapr API", DefaultValueFactory = _ => 3500 };
var resourcesPath = new Option<string[]>("--resources-path", "-resources-path", "--components-path", "-components-path") { Description = "A folder with Dapr resources; may be repeated" };
var config = new Option<string[]>("--config", "-config") { Description = "A file with a Configuration resource; may be repeated" };
var maxBodySize = new Option<string>("--max-body-size", "-max-body-size") { Description = "The largest request body, for example 4Mi; 0: no limit", DefaultValueFactory = _ => "4Mi" };
var logLevel = new Option<string>("--log-level", "-log-level") { Description = "debug, info, warn, error or fatal", DefaultValueFactory = _ => "info" };
var logAsJson = new Option<bool>("--log-as-json", "-log-as-json") { Description = "Log a JSON object a line" };

var command = new RootCommand("Lavka's embedded Dapr sidecar: daprd's HTTP API on one machine, without Docker.")
{
    appId, appPort, appChannelAddress, appMaxConcurrency, httpPort, resourcesPath, config, maxBodySize, logLevel, logAsJson,
};
command.TreatUnmatchedTokensAsErrors = false;
command.SetAction(async (arguments, stop) =>
{
    using var logs = LoggerFactory.Create(builder =>
    {
        builder.SetMinimumLevel(arguments.GetValue(logLevel) switch
        {
            "debug" => LogLevel.Debug,
            "warn" => LogLevel.Warning,
            "error" => LogLevel.Error,
            "fatal" => LogLevel.Critical,
            _ => LogLevel.Information,
        });
        if (arguments.GetValue(logAsJson))
        {
            builder.AddJsonConsole();
        }
        else
        {
            builder.AddSimpleConsole(console => console.SingleLine = true);
        }
    });
    try
    {
        await using var sidecar = await Sidecar.StartAsync(new()
        {
            AppId = arguments.GetValue(appId)!,
            AppPort = arguments.GetValue(appPort),
            AppChannelAddress = arguments.GetValue(appChannelAddress)!,
            AppMaxConcurrency = arguments.GetValue(appMaxConcurrency) is > 0 and var most ? most : null,
            HttpPort = arguments.GetValue(httpPort),
            ResourcesPaths = [.. (arguments.GetValue(resourcesPath) ?? []).SelectMany(path => path.Split(','))],
            ConfigPaths = [.. (arguments.GetValue(config) ?? []).SelectMany(path => path.Split(','))],
            Namespace = Environment.GetEnvironmentVariable("NAMESPACE"),
            ApiToken = Environment.GetEnvironmentVariable("DAPR_API_TOKEN"),
            AppToken = Environment.GetEnvironmentVariable("APP_API_TOKEN"),
            MaxBodySize = ByteSize.Parse(arguments.GetValue(maxBodySize)!),
            Logs = logs,
        }, stop);
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
        using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
        await Task.WhenAny(stopped.Task, sidecar.ShutdownRequested);
        return 0;

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
});
return await command.Parse(args).InvokeAsync();
