using Grpc.Core;

namespace Lavka.Sidecar.Observability;

/// <summary>What the sidecar counts of gRPC calls: those of its API, and those it makes of the app (Dapr: operations/observability/metrics/metrics-overview, gRPC metrics).</summary>
internal sealed class GrpcMetrics
{
    /// <summary>The bounds of sizes in bytes.</summary>
    public static readonly double[] Bytes =
    [
        1024, 2048, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864, 268435456, 1073741824, 4294967296,
    ];

    private readonly string _appId;
    private readonly MetricFamily _server, _received, _sent, _client, _clientReceived, _clientSent, _probes;

    /// <param name="appId">The app's id.</param>
    /// <param name="add">Adds a family to those that are shown.</param>
    /// <param name="milliseconds">The bounds of latencies.</param>
    public GrpcMetrics(string appId, Func<MetricFamily, MetricFamily> add, double[] milliseconds)
    {
        _appId = appId;
        string[] server = ["app_id", "grpc_server_method"];
        string[] client = ["app_id", "grpc_client_method"];
        _server = add(new("dapr_grpc_io_server_completed_rpcs", "Count of RPCs by method and status.", [.. server, "grpc_server_status"], "dapr_grpc_io_server_server_latency", milliseconds));
        _received = add(new(null, "Total bytes received across all messages per RPC.", server, "dapr_grpc_io_server_received_bytes_per_rpc", Bytes));
        _sent = add(new(null, "Total bytes sent in across all response messages per RPC.", server, "dapr_grpc_io_server_sent_bytes_per_rpc", Bytes));
        _client = add(new("dapr_grpc_io_client_completed_rpcs", "Count of RPCs by method and status.", [.. client, "grpc_client_status"], "dapr_grpc_io_client_roundtrip_latency", milliseconds));
        _clientReceived = add(new(null, "Total bytes received across all response messages per RPC.", client, "dapr_grpc_io_client_received_bytes_per_rpc", Bytes));
        _clientSent = add(new(null, "Total bytes sent across all request messages per RPC.", client, "dapr_grpc_io_client_sent_bytes_per_rpc", Bytes));
        _probes = add(new("dapr_grpc_io_healthprobes_completed_count", "Count of completed health probes", ["app_id", "grpc_client_status"], "dapr_grpc_io_healthprobes_roundtrip_latency", milliseconds));
    }

    /// <summary>A call of the API has ended.</summary>
    /// <param name="method">Its full name.</param>
    /// <param name="code">How it ended.</param>
    /// <param name="elapsed">How long it took.</param>
    /// <param name="bytes">The sizes of what was asked and of what was answered; null: a stream.</param>
    public void Server(string method, StatusCode code, TimeSpan elapsed, (long Received, long Sent)? bytes = null)
    {
        _server.Record(Math.Floor(elapsed.TotalMilliseconds), _appId, method, Text(code));
        if (bytes is var (received, sent))
        {
            _received.Record(received, _appId, method);
            _sent.Record(sent, _appId, method);
        }
    }

    /// <summary>A call of the app has ended.</summary>
    /// <inheritdoc cref="Server"/>
    public void Client(string method, StatusCode code, TimeSpan elapsed, (long Received, long Sent) bytes)
    {
        _client.Record(Math.Floor(elapsed.TotalMilliseconds), _appId, method, Text(code));
        _clientReceived.Record(bytes.Received, _appId, method);
        _clientSent.Record(bytes.Sent, _appId, method);
    }

    /// <summary>The app was asked for its health.</summary>
    public void Probe(StatusCode code, TimeSpan elapsed) => _probes.Record(Math.Floor(elapsed.TotalMilliseconds), _appId, Text(code));

    // As Go writes it.
    private static string Text(StatusCode code) => code == StatusCode.Cancelled ? "Canceled" : code.ToString();
}
