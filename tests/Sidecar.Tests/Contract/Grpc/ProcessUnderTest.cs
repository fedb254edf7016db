using System.Collections.Concurrent;
using System.Diagnostics;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests.Contract.Grpc;

/// <summary>A daprd, or the embedded sidecar as a process of its own.</summary>
internal sealed class ProcessUnderTest : ISidecarUnderTest
{
    private static readonly HttpClient Client = new(new SocketsHttpHandler { UseProxy = false });

    private readonly ConcurrentQueue<string> _output = new();
    private readonly Process _process;

    private ProcessUnderTest(Process process, int httpPort, int grpcPort)
    {
        (Http, Grpc) = (new($"http://127.0.0.1:{httpPort}"), new($"http://127.0.0.1:{grpcPort}"));
        _process = process;
        _process.OutputDataReceived += (_, line) => _output.Enqueue(line.Data ?? "");
        _process.ErrorDataReceived += (_, line) => _output.Enqueue(line.Data ?? "");
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public Uri Http { get; }

    public Uri Grpc { get; }

    /// <param name="program">daprd, or an assembly to run with <c>dotnet</c>.</param>
    public static async Task<ISidecarUnderTest> Start(SidecarStart start, string program)
    {
        var (http, grpc) = (Ports.Free(), Ports.Free());
        var info = new ProcessStartInfo(program.EndsWith(".dll", StringComparison.Ordinal) ? "dotnet" : program)
        {
            WorkingDirectory = Path.GetDirectoryName(start.Resources),
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        List<string> arguments =
        [
            .. info.FileName == program ? (string[])[] : [program],
            "--app-id", start.AppId, "--dapr-http-port", $"{http}", "--dapr-grpc-port", $"{grpc}", "--dapr-internal-grpc-port", $"{Ports.Free()}", "--enable-metrics=false", "--log-level", "warn",
            "--resources-path", start.Resources,
            .. start.AppPort is { } port ? (string[])["--app-port", $"{port}", "--app-protocol", start.AppProtocol] : [],
            .. start.Config is { } config ? (string[])["--config", config] : [],
            .. start.HasControl ? (string[])["--placement-host-address", "127.0.0.1:50005", "--scheduler-host-address", "127.0.0.1:50006"] : [],
            .. start.Arguments,
        ];
        arguments.ForEach(info.ArgumentList.Add);
        foreach (var (name, value) in start.Environment)
        {
            info.Environment[name] = value;
        }

        var process = new ProcessUnderTest(await ChildProcess.Start(info), http, grpc);
        await Eventually.Get(process.IsReady, $"{program} to be ready", TimeSpan.FromSeconds(60));
        await Task.Delay(start.WarmUp);
        return process;
    }

    public async Task<int?> ExitCode(TimeSpan within)
    {
        using var timeout = new CancellationTokenSource(within);
        try
        {
            await _process.WaitForExitAsync(timeout.Token);
            return _process.ExitCode;
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private async Task<string?> IsReady()
    {
        if (_process.HasExited)
        {
            throw new InvalidOperationException($"It ended with {_process.ExitCode}:\n{string.Join('\n', _output)}");
        }

        try
        {
            using var response = await Client.GetAsync(new Uri(Http, "/v1.0/healthz"));
            return response.IsSuccessStatusCode ? "" : null;
        }
        catch (HttpRequestException)
        {
            return null;
        }
    }
}
