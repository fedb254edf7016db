using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Net;

namespace Lavka.Testing;

/// <summary>A real daprd of <see cref="DaprFactAttribute.Folder"/>, without a control plane, on free ports of loopback. It ends with the test host, whichever way that ends.</summary>
public sealed class Daprd : IAsyncDisposable
{
    private readonly TempFolder _home = new();
    private readonly ConcurrentQueue<string> _log = new();
    private Process? _process;

    private Daprd()
    {
    }

    public int HttpPort { get; } = Ports.Free();

    public int GrpcPort { get; } = Ports.Free();

    /// <summary>What it has said so far.</summary>
    public IReadOnlyCollection<string> Log => _log;

    /// <summary>Starts one, and waits until it answers.</summary>
    /// <param name="resourcesPath">The folder with its resources.</param>
    /// <param name="appPort">Its app's port; null: it has none.</param>
    public static async Task<Daprd> Start(string appId, string resourcesPath, int? appPort = null)
    {
        var daprd = new Daprd();
        try
        {
            await daprd.Run(appId, resourcesPath, appPort);
            return daprd;
        }
        catch
        {
            await daprd.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { } process)
        {
            process.Kill();
            await process.WaitForExitAsync();
            process.Dispose();
        }

        _home.Dispose();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private async Task Run(string appId, string resourcesPath, int? appPort)
    {
        if (await Command.Run(Path.Combine(DaprFactAttribute.Folder, "unpack.sh"), [_home.Path]) is { ExitCode: not 0, Error: var error })
        {
            throw new InvalidOperationException(error);
        }

        string[] arguments =
        [
            "--app-id", appId, "--dapr-http-port", Text(HttpPort), "--dapr-grpc-port", Text(GrpcPort), "--dapr-internal-grpc-port", Text(Ports.Free()), "--metrics-port", Text(Ports.Free()),
            "--dapr-listen-addresses", "127.0.0.1", "--resources-path", resourcesPath, "--placement-host-address", "", "--scheduler-host-address", "",
            .. appPort is { } port ? new[] { "--app-port", Text(port) } : [],
        ];
        _process = await ChildProcess.Start(new(Path.Combine(_home.Path, ".dapr", "bin", "daprd"), arguments) { RedirectStandardOutput = true, RedirectStandardError = true });
        _process.OutputDataReceived += (_, line) => _log.Enqueue(line.Data ?? "");
        _process.ErrorDataReceived += (_, line) => _log.Enqueue(line.Data ?? "");
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();

        using var http = new HttpClient();
        var health = new Uri($"http://127.0.0.1:{HttpPort}/v1.0/healthz");
        await Eventually.Get(async () =>
        {
            try
            {
                using var response = await http.GetAsync(health);
                return response.StatusCode == HttpStatusCode.NoContent ? "" : null;
            }
            catch (HttpRequestException)
            {
                return _process.HasExited ? throw new InvalidOperationException($"daprd has ended: {string.Join('\n', _log)}") : null;
            }
        }, "daprd to answer", TimeSpan.FromMinutes(1));
    }
}
