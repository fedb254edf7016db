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
    private readonly List<MetricFamily> _families = [];
    private readonly MetricFamily _serverCount, _serverLatency, _clientCount, _clientLatency;
    private readonly MetricFamily _ingressCount, _ingressLatency, _egressCount, _egressLatency, _bulkEgressCount, _bulkEgressLatency, _inputCount;
    private readonly Dictionary<string, (MetricFamily Count, MetricFamily Latency)> _components = [];
    private readonly MetricFamily _componentInit, _actorDeactivated, _remindersFired, _timersFired, _jobSuccess, _jobFailure;

    public Metrics(string appId, string @namespace)
    {
        (_appId, _namespace) = (appId, @namespace);
        string[] http = ["app_id", "method", "path", "status"];
        _serverCount = Counter("dapr_http_server_request_count", "Count of HTTP requests processed by the server.", http);
        _serverLatency = Histogram("dapr_http_server_latency", "HTTP request end-to-end latency.", http);
        _clientCount = Counter("dapr_http_client_completed_count", "Count of completed requests to the app.", http);
        _clientLatency = Histogram("dapr_http_client_roundtrip_latency", "Time between the request to the app and its answer.", http);
        string[] ingress = ["app_id", "component", "namespace", "process_status", "status", "topic"];
        _ingressCount = Counter("dapr_component_pubsub_ingress_count", "The number of incoming messages arriving from the pub/sub component.", ingress);
        _ingressLatency = Histogram("dapr_component_pubsub_ingress_latencies", "The consuming app event processing latency.", ingress);
        string[] egress = ["app_id", "component", "namespace", "success", "topic"];
        _egressCount = Counter("dapr_component_pubsub_egress_count", "The number of outgoing messages published to the pub/sub component.", egress);
        _egressLatency = Histogram("dapr_component_pubsub_egress_latencies", "The latency of the response from the pub/sub component.", egress);
        _bulkEgressCount = Counter("dapr_component_pubsub_egress_bulk_count", "The number of bulk publish calls to the pub/sub component.", egress);
        _bulkEgressLatency = Histogram("dapr_component_pubsub_egress_bulk_latencies", "The latency of the response for the bulk publish call from the pub/sub component.", egress);
        _inputCount = Counter("dapr_component_input_binding_count", "The number of incoming events arriving from the input binding component.", ["app_id", "component", "namespace", "success"]);
        foreach (var kind in new[] { "state", "output_binding", "secret", "configuration" })
        {
            string[] operation = ["app_id", "component", "namespace", "operation", "success"];
            _components[kind] = (Counter($"dapr_component_{kind}_count", $"The number of operations performed on the {kind} component.", operation),
                Histogram($"dapr_component_{kind}_latencies", $"The latency of the response from the {kind} component.", operation));
        }

        _componentInit = Counter("dapr_runtime_component_init_total", "The number of initialized components.", ["app_id", "component"]);
        _actorDeactivated = Counter("dapr_runtime_actor_deactivated_total", "The number of the successful actor deactivation.", ["app_id", "actor_type"]);
        string[] fired = ["app_id", "actor_type", "success"];
        _remindersFired = Counter("dapr_runtime_actor_reminders_fired_total", "The number of actor reminders fired requests.", fired);
        _timersFired = Counter("dapr_runtime_actor_timers_fired_total", "The number of actor timers fired requests.", fired);
        string[] job = ["app_id", "namespace", "operation"];
        _jobSuccess = Counter("dapr_component_job_success_count", "The number of successful jobs.", job);
        _jobFailure = Counter("dapr_component_job_failure_count", "The number of failed jobs.", job);
    }

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

    public void Server(string method, string path, int status, TimeSpan elapsed) => Http(_serverCount, _serverLatency, method, path, status, elapsed);

    public void Client(string method, string path, int status, TimeSpan elapsed) => Http(_clientCount, _clientLatency, method, path, status, elapsed);

    public void PubSubIngress(string component, string topic, string status, TimeSpan elapsed)
    {
        var shown = status == "drop" ? "success" : status;
        _ingressCount.Record(1, _appId, component, _namespace, status, shown, topic);
        if (elapsed > TimeSpan.Zero)
        {
            _ingressLatency.Record(elapsed.TotalMilliseconds, _appId, component, _namespace, status, shown, topic);
        }
    }

    public void PubSubEgress(string component, string topic, bool succeeded, bool bulk, TimeSpan elapsed)
    {
        (bulk ? _bulkEgressCount : _egressCount).Record(1, _appId, component, _namespace, Text(succeeded), topic);
        (bulk ? _bulkEgressLatency : _egressLatency).Record(elapsed.TotalMilliseconds, _appId, component, _namespace, Text(succeeded), topic);
    }

    public void InputBinding(string component, bool succeeded) => _inputCount.Record(1, _appId, component, _namespace, Text(succeeded));

    /// <param name="kind">state, output_binding, secret or configuration.</param>
    public void Component(string kind, string component, string operation, bool succeeded, TimeSpan elapsed)
    {
        var (count, latency) = _components[kind];
        count.Record(1, _appId, component, _namespace, operation, Text(succeeded));
        latency.Record(elapsed.TotalMilliseconds, _appId, component, _namespace, operation, Text(succeeded));
    }

    public void ComponentInit(string type) => _componentInit.Record(1, _appId, type);

    public void ActorDeactivated(string type) => _actorDeactivated.Record(1, _appId, type);

    public void ReminderFired(string type, bool succeeded) => _remindersFired.Record(1, _appId, type, Text(succeeded));

    public void TimerFired(string type, bool succeeded) => _timersFired.Record(1, _appId, type, Text(succeeded));

    public void JobFired(bool succeeded) => (succeeded ? _jobSuccess : _jobFailure).Record(1, _appId, _namespace, "job_trigger_op");

    /// <summary>A request's path as the label has it: without the parts that are different every time, such as keys.</summary>
    internal static string PathLabel(string[] segments) => segments switch
    {
        [_, "state" or "secrets", var store, ..] => $"/{segments[0]}/{segments[1]}/{store}",
        [_, "actors", var type, _, var kind, ..] => $"/{segments[0]}/actors/{type}/{{id}}/{kind}",
        _ => '/' + string.Join('/', segments),
    };

    private void Http(MetricFamily count, MetricFamily latency, string method, string path, int status, TimeSpan elapsed)
    {
        var code = status switch { 200 => "200", 204 => "204", _ => status.ToString(CultureInfo.InvariantCulture) };
        count.Record(1, _appId, method, path, code);
        latency.Record(Math.Floor(elapsed.TotalMilliseconds), _appId, method, path, code);
    }

    private static string Text(bool succeeded) => succeeded ? "true" : "false";

    private MetricFamily Counter(string name, string help, string[] labels) => Add(new(name, help, labels));

    private MetricFamily Histogram(string name, string help, string[] labels) => Add(new(name, help, labels, Milliseconds));

    private MetricFamily Add(MetricFamily family)
    {
        _families.Add(family);
        return family;
    }
}
