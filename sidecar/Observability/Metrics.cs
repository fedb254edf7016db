using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace Lavka.Sidecar.Observability;

/// <summary>What the sidecar counts, under Dapr's names (Dapr: operations/observability/metrics/metrics-overview). Latencies are in milliseconds.</summary>
internal sealed class Metrics
{
    private static readonly double[] Milliseconds =
    [
        1, 2, 3, 4, 5, 6, 8, 10, 13, 16, 20, 25, 30, 40, 50, 65, 80, 100, 130, 160, 200, 250, 300, 400, 500, 650, 800, 1000, 2000, 5000, 10000, 20000, 50000, 100000,
    ];

    private readonly string _appId;
    private readonly string _namespace;
    private readonly MetricsSpec _spec;
    private readonly double[] _milliseconds;
    private readonly List<MetricFamily> _families = [];
    private readonly MetricFamily _server, _requestBytes, _responseBytes, _client, _clientSent, _clientReceived, _ingress, _egress, _bulkEgress, _input;
    private readonly MetricFamily _componentLoaded, _componentInit, _actorDeactivated, _remindersFired, _timersFired, _jobSuccess, _jobFailure;
    private readonly Dictionary<string, MetricFamily> _components = [];

    public Metrics(string appId, string @namespace, MetricsSpec spec)
    {
        (_appId, _namespace, _spec, _milliseconds) = (appId, @namespace, spec, spec.Buckets ?? Milliseconds);
        string[] http = ["app_id", "method", "path", "status"];
        string[] app = ["app_id"];
        _server = Add(new(
            "dapr_http_server_request_count", "Count of HTTP requests processed by the server.", http, "dapr_http_server_latency", _milliseconds)
        {
            Twin = ("dapr_http_server_response_count", "The number of HTTP responses"),
        });
        _requestBytes = Bytes(
            "dapr_http_server_request_bytes", "HTTP request body size if set as ContentLength (uncompressed) in server.", app);
        _responseBytes = Bytes("dapr_http_server_response_bytes", "HTTP response body size (uncompressed) in server.", app);
        _client = Timed("dapr_http_client_completed_count", "Count of completed requests", http, "dapr_http_client_roundtrip_latency");
        _clientSent = Bytes("dapr_http_client_sent_bytes", "Total bytes sent in request body (not including headers)", http);
        _clientReceived = Bytes("dapr_http_client_received_bytes",
            "Total bytes received in response bodies (not including headers but including error responses with bodies)", app);
        Grpc = new(appId, Add, _milliseconds);
        Invocations = new(appId, Add, _milliseconds);
        _ingress = Timed("dapr_component_pubsub_ingress_count", "The number of incoming messages arriving from the pub/sub component.",
            ["app_id", "component", "namespace", "process_status", "status", "topic"], "dapr_component_pubsub_ingress_latencies");
        string[] egress = ["app_id", "component", "namespace", "success", "topic"];
        _egress = Timed("dapr_component_pubsub_egress_count", "The number of outgoing messages published to the pub/sub component.", egress, "dapr_component_pubsub_egress_latencies");
        _bulkEgress = Timed("dapr_component_pubsub_egress_bulk_count", "The number of bulk publish calls to the pub/sub component.", egress, "dapr_component_pubsub_egress_bulk_latencies");
        _input = Counter("dapr_component_input_binding_count", "The number of incoming events arriving from the input binding component.", "app_id", "component", "namespace", "success");
        foreach (var kind in new[] { "state", "output_binding", "secret", "crypto" })
        {
            _components[kind] = Timed($"dapr_component_{kind}_count", $"The number of operations performed on the {kind} component.",
                ["app_id", "component", "namespace", "operation", "success"], $"dapr_component_{kind}_latencies");
        }

        _componentLoaded = Counter("dapr_runtime_component_loaded", "The number of successfully loaded components.", "app_id");
        _componentInit = Counter("dapr_runtime_component_init_total", "The number of initialized components.", "app_id", "component");
        _actorDeactivated = Counter("dapr_runtime_actor_deactivated_total", "The number of the successful actor deactivation.", "app_id", "actor_type");
        _remindersFired = Counter("dapr_runtime_actor_reminders_fired_total", "The number of actor reminders fired requests.", "app_id", "actor_type", "success");
        _timersFired = Counter("dapr_runtime_actor_timers_fired_total", "The number of actor timers fired requests.", "app_id", "actor_type", "success");
        _jobSuccess = Counter("dapr_component_job_success_count", "The number of successful jobs.", "app_id", "namespace", "operation");
        _jobFailure = Counter("dapr_component_job_failure_count", "The number of failed jobs.", "app_id", "namespace", "operation");
    }

    /// <summary>What is counted of gRPC calls.</summary>
    public GrpcMetrics Grpc { get; }

    /// <summary>What is counted of invocations between apps.</summary>
    public InvocationMetrics Invocations { get; }

    /// <summary>Everything counted so far, in Prometheus' text format.</summary>
    public string ToText()
    {
        var text = new StringBuilder();
        _families.ForEach(family => family.Write(text));
        using var process = Process.GetCurrentProcess();
        text.Append(CultureInfo.InvariantCulture, $"# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes {process.WorkingSet64}\n");
        text.Append(CultureInfo.InvariantCulture, $"# TYPE process_cpu_seconds_total counter\nprocess_cpu_seconds_total {process.TotalProcessorTime.TotalSeconds}\n");
        return text.ToString();
    }

    /// <summary>A request to the API has ended.</summary>
    /// <param name="method">GET and the like.</param>
    /// <param name="segments">Its path's.</param>
    /// <param name="status">The answer's status.</param>
    /// <param name="elapsed">How long it took.</param>
    /// <param name="bytes">The lengths of the bodies, as far as their headers tell.</param>
    public void Server(string method, string[] segments, int status, TimeSpan elapsed, (long? Received, long? Sent) bytes)
    {
        Http(_server, _spec.Verb(method), _spec.Path(() => '/' + string.Join('/', segments), () => PathLabel(segments)), status, elapsed);
        _requestBytes.Record(bytes.Received ?? 0, _appId);
        _responseBytes.Record(bytes.Sent ?? 0, _appId);
    }

    /// <summary>A request to the app has ended.</summary>
    /// <param name="path">Its path.</param>
    /// <inheritdoc cref="Server"/>
    public void Client(string method, string path, int status, TimeSpan elapsed, (long? Received, long? Sent) bytes)
    {
        // daprd asks for this before it has read what the Configuration says of paths.
        var label = path == "/dapr/config" ? path : _spec.Path(() => path, () => ClientPath(path));
        var verb = _spec.Verb(method);
        Http(_client, verb, label, status, elapsed);
        _clientSent.Record(bytes.Sent ?? 0, _appId, verb, label, "");
        _clientReceived.Record(bytes.Received ?? 0, _appId);
    }

    /// <param name="component">The pub/sub component.</param>
    /// <param name="topic">The topic.</param>
    /// <param name="status">success, retry or drop; a drop has been processed with success.</param>
    /// <param name="elapsed">How long the app took.</param>
    public void PubSubIngress(string component, string topic, string status, TimeSpan elapsed) =>
        _ingress.Record(elapsed.TotalMilliseconds, _appId, component, _namespace, status, status == "drop" ? "success" : status, topic);

    public void PubSubEgress(string component, string topic, bool succeeded, bool bulk, TimeSpan elapsed) =>
        (bulk ? _bulkEgress : _egress).Record(elapsed.TotalMilliseconds, _appId, component, _namespace, Text(succeeded), topic);

    public void InputBinding(string component, bool succeeded) => _input.Record(1, _appId, component, _namespace, Text(succeeded));

    /// <param name="kind">state, output_binding or secret.</param>
    /// <param name="component">The component's name.</param>
    /// <param name="operation">What was asked of it.</param>
    /// <param name="succeeded">Whether it did it.</param>
    /// <param name="elapsed">How long it took.</param>
    public void Component(string kind, string component, string operation, bool succeeded, TimeSpan elapsed) =>
        _components[kind].Record(elapsed.TotalMilliseconds, _appId, component, _namespace, operation, Text(succeeded));

    public void ComponentInit(string type)
    {
        _componentLoaded.Record(1, _appId);
        _componentInit.Record(1, _appId, type);
    }

    public void ActorDeactivated(string type) => _actorDeactivated.Record(1, _appId, type);

    public void ReminderFired(string type, bool succeeded) => _remindersFired.Record(1, _appId, type, Text(succeeded));

    public void TimerFired(string type, bool succeeded) => _timersFired.Record(1, _appId, type, Text(succeeded));

    public void JobFired(bool succeeded) => (succeeded ? _jobSuccess : _jobFailure).Record(1, _appId, _namespace, "job_trigger_op");

    /// <summary>A request's path as the label has it: without the parts that are different every time, such as keys.</summary>
    private static string PathLabel(string[] segments) => segments switch
    {
        [_, "state" or "secrets", var store, ..] => $"/{segments[0]}/{segments[1]}/{store}",
        [_, "actors", var type, _, var kind, ..] => $"/{segments[0]}/actors/{type}/{{id}}/{kind}",
        _ => '/' + string.Join('/', segments),
    };

    private static string ClientPath(string path) => path.StartsWith("/actors/", StringComparison.Ordinal) && path.Split('/') is [_, _, var type, _, .. var rest]
        ? $"actors/{type}/{{id}}{string.Concat(rest.Select(part => '/' + part))}"
        : path;

    private void Http(MetricFamily family, string method, string path, int status, TimeSpan elapsed) =>
        family.Record(Math.Floor(elapsed.TotalMilliseconds), _appId, method, path, status switch { 200 => "200", 204 => "204", _ => status.ToString(CultureInfo.InvariantCulture) });

    private static string Text(bool succeeded) => succeeded ? "true" : "false";

    private MetricFamily Counter(string name, string help, params string[] labels) => Add(new(name, help, labels));

    private MetricFamily Bytes(string name, string help, string[] labels) => Add(new(null, help, labels, name, GrpcMetrics.Bytes));

    private MetricFamily Timed(string counter, string help, string[] labels, string histogram) => Add(new(counter, help, labels, histogram, _milliseconds));

    private MetricFamily Add(MetricFamily family)
    {
        _families.Add(family);
        return family;
    }
}
