using System.Globalization;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Tests.Contract.Grpc;

/// <summary>The embedded sidecar, in this process.</summary>
internal sealed class EmbeddedUnderTest : ISidecarUnderTest
{
    private readonly Sidecar _sidecar;

    private EmbeddedUnderTest(Sidecar sidecar) => _sidecar = sidecar;

    public Uri Http => _sidecar.HttpEndpoint;

    public Uri Grpc => _sidecar.GrpcEndpoint;

    public static async Task<ISidecarUnderTest> Start(SidecarStart start, SidecarMesh mesh)
    {
        string? Argument(string name) => start.Arguments.SkipWhile(argument => argument != name).ElementAtOrDefault(1);
        int Number(string name) => int.Parse(Argument(name)!, CultureInfo.InvariantCulture);
        var sidecar = await Sidecar.StartAsync(new()
        {
            AppId = start.AppId,
            AppPort = start.AppPort,
            AppProtocol = Enum.Parse<AppProtocol>(start.AppProtocol, ignoreCase: true),
            HasControlPlane = start.HasControl,
            ResourcesPaths = [start.Resources],
            ConfigPaths = start.Config is null ? [] : [start.Config],
            DataPath = Path.GetDirectoryName(start.Resources)!,
            Environment = start.Environment,
            ApiToken = start.Environment.GetValueOrDefault("DAPR_API_TOKEN"),
            AppToken = start.Environment.GetValueOrDefault("APP_API_TOKEN"),
            MaxBodySize = ByteSize.Parse(Argument("--max-body-size") ?? "4Mi"),
            AppHealthCheck = start.Arguments.Contains("--enable-app-health-check")
                ? new("/healthz", TimeSpan.FromSeconds(Number("--app-health-probe-interval")), TimeSpan.FromMilliseconds(Number("--app-health-probe-timeout")), Number("--app-health-threshold"))
                : null,
            Mesh = mesh,
        });

        // An app that is asked for its health may never be well.
        await (start.Arguments.Contains("--enable-app-health-check") ? Task.WhenAny(sidecar.Ready, Task.Delay(start.WarmUp)) : sidecar.Ready);
        return new EmbeddedUnderTest(sidecar);
    }

    public Task<int?> ExitCode(TimeSpan within) => throw new NotSupportedException("A sidecar in this process has no process that could end.");

    public ValueTask DisposeAsync() => _sidecar.DisposeAsync();
}
