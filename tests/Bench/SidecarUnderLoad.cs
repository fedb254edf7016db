using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Dapr.Client;
using Grpc.Net.Client;
using RawClient = Dapr.Client.Autogen.Grpc.v1.Dapr.DaprClient;

namespace Lavka.Bench;

/// <summary>A sidecar's process, with an in-memory broker and a state store, and clients of its gRPC API.</summary>
internal sealed class SidecarUnderLoad : IAsyncDisposable
{
    public const string AppId = "app1";

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly string _folder;
    private readonly GrpcChannel _channel;

    private SidecarUnderLoad(string label, Process process, string folder, int grpcPort, EchoApp app)
    {
        (Label, _process, _folder, App) = (label, process, folder, app);
        var endpoint = $"http://127.0.0.1:{grpcPort.ToString(CultureInfo.InvariantCulture)}";
        Client = new DaprClientBuilder().UseGrpcEndpoint(endpoint).Build();
        _channel = GrpcChannel.ForAddress(endpoint);
        Raw = new(_channel);
    }

    public string Label { get; }

    /// <summary>The app beside it.</summary>
    public EchoApp App { get; }

    public DaprClient Client { get; }

    /// <summary>The client that Dapr's own stands on.</summary>
    public RawClient Raw { get; }

    /// <summary>The processor time it has used.</summary>
    public TimeSpan Cpu
    {
        get
        {
            _process.Refresh();
            return _process.TotalProcessorTime;
        }
    }

    /// <summary>Its resident memory.</summary>
    public long Megabytes
    {
        get
        {
            _process.Refresh();
            return _process.WorkingSet64 / (1024 * 1024);
        }
    }

    public static async Task<SidecarUnderLoad> Start(string label, string program, string state, EchoApp app, CancellationToken cancellationToken)
    {
        var folder = Directory.CreateTempSubdirectory("bench-").FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "pubsub.yaml"), Component("pubsub", "pubsub.in-memory", ""), cancellationToken);
        await File.WriteAllTextAsync(Path.Combine(folder, "statestore.yaml"), Component("statestore", state, state == "state.sqlite" ? "{ name: connectionString, value: state.db }" : ""), cancellationToken);
        var (httpPort, grpcPort) = (FreePort(), FreePort());
        var words = program.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        var start = new ProcessStartInfo(words[0], [.. words.Skip(1), "--app-id", AppId, "--app-port", Text(app.Port), "--dapr-http-port", Text(httpPort), "--dapr-grpc-port", Text(grpcPort),
            "--dapr-internal-grpc-port", Text(FreePort()), "--metrics-port", Text(FreePort()), "--resources-path", folder, "--log-level", "error"])
        { WorkingDirectory = folder };
        var sidecar = new SidecarUnderLoad(label, Process.Start(start)!, folder, grpcPort, app);
        try
        {
            await WaitUntilReady(httpPort, cancellationToken);
            return sidecar;
        }
        catch
        {
            await sidecar.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        _channel.Dispose();
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private static async Task WaitUntilReady(int httpPort, CancellationToken cancellationToken)
    {
        using var http = new HttpClient();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Patience);
        while (true)
        {
            try
            {
                using var response = await http.GetAsync($"http://127.0.0.1:{Text(httpPort)}/v1.0/healthz", limit.Token);
                if (response.IsSuccessStatusCode)
                {
                    return;
                }
            }
            catch (HttpRequestException)
            {
                // It does not listen yet.
            }

            await Task.Delay(50, limit.Token);
        }
    }

    private static string Component(string name, string type, string metadata) => $"""
        apiVersion: dapr.io/v1alpha1
        kind: Component
        metadata:
          name: {name}
        spec:
          type: {type}
          version: v1
          metadata: [{metadata}]
        """;

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
