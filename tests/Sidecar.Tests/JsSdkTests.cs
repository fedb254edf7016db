using System.Diagnostics;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

/// <summary>Dapr's own JavaScript SDK against the sidecar, over HTTP and over gRPC: the scripts of tests/JsSdk, each an app with a sidecar of its own.</summary>
public sealed class JsSdkTests : IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private readonly TempFolder _data = new();
    private readonly int _appPort = Ports.Free();

    public void Dispose() => _data.Dispose();

    [NodeTheory]
    [InlineData("state.js")]
    [InlineData("pubsub.js")]
    [InlineData("invoke.js")]
    [InlineData("actors.js")]
    [InlineData("secrets.js")]
    [InlineData("lock.js")]
    [InlineData("bindings.js")]
    [InlineData("metadata.js")]
    [InlineData("configuration.js")]
    [InlineData("jobs.js")]
    [InlineData("grpc.js", AppProtocol.Grpc)]
    public async Task Daprs_JavaScript_SDK_works_with_the_sidecar(string script, AppProtocol protocol = AppProtocol.Http)
    {
        await using var sidecar = await Sidecar.StartAsync(new()
        {
            AppId = "js-app",
            AppPort = _appPort,
            AppProtocol = protocol,
            ResourcesPaths = [Path.Combine(NodeTheoryAttribute.Scripts, "resources")],
            DataPath = _data.Path,
            Environment = new Dictionary<string, string>
            {
                ["APP_URL"] = $"http://127.0.0.1:{_appPort}",
                ["CONFIGURATION_FILE"] = _data.Write("configuration/settings.yaml", "greeting: hello||1\ncolour: green\n"),
                ["SECRETS_FILE"] = _data.Write("secrets.json", """{"token":"abc","database":{"password":"пароль"}}"""),
                ["SECRET_WORD"] = "sesame",
            },
        });

        var run = Run(script, sidecar);
        if (await Task.WhenAny(run, sidecar.ShutdownRequested) != run)
        {
            // As the sidecar's own process does.
            await sidecar.DisposeAsync();
        }

        var (exitCode, output) = await run;
        Assert.True(exitCode == 0, $"{script} ended with {exitCode}: {output}");
    }

    private async Task<(int ExitCode, string Output)> Run(string script, Sidecar sidecar)
    {
        using var node = Process.Start(new ProcessStartInfo("node", [script])
        {
            WorkingDirectory = NodeTheoryAttribute.Scripts,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["DAPR_HTTP_PORT"] = $"{sidecar.HttpEndpoint.Port}", ["DAPR_GRPC_PORT"] = $"{sidecar.GrpcEndpoint.Port}", ["APP_PORT"] = $"{_appPort}", ["DATA_PATH"] = _data.Path },
        })!;
        var output = Task.WhenAll(node.StandardOutput.ReadToEndAsync(), node.StandardError.ReadToEndAsync());
        using var limit = new CancellationTokenSource(Patience);
        try
        {
            await node.WaitForExitAsync(limit.Token);
        }
        catch (OperationCanceledException)
        {
            node.Kill(entireProcessTree: true);
            await node.WaitForExitAsync();
        }

        return (node.ExitCode, string.Concat(await output));
    }
}
