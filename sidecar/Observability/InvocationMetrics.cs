using System.Globalization;

namespace Lavka.Sidecar.Observability;

/// <summary>
/// What the sidecar counts of invocations between apps, and of services outside of Dapr
/// (Dapr: operations/observability/metrics/metrics-overview).
/// </summary>
internal sealed class InvocationMetrics
{
    private readonly string _appId;
    private readonly MetricFamily _sent, _answered, _latency, _received, _answers;

    /// <param name="appId">The app's id.</param>
    /// <param name="add">Adds a family to those that are shown.</param>
    /// <param name="milliseconds">The bounds of latencies.</param>
    public InvocationMetrics(string appId, Func<MetricFamily, MetricFamily> add, double[] milliseconds)
    {
        const string name = "dapr_runtime_service_invocation";
        _appId = appId;
        _sent = add(new($"{name}_req_sent_total", "The number of requests sent via service invocation.", ["app_id", "dst_app_id", "type"]));
        _answered = add(new($"{name}_res_recv_total",
            "The number of responses received via service invocation.", ["app_id", "src_app_id", "status", "type"]));
        _latency = add(new(null,
            "The latency of service invocation response.", ["app_id", "src_app_id", "status"], $"{name}_res_recv_latency_ms", milliseconds));
        _received = add(new($"{name}_req_recv_total", "The number of requests received via service invocation.", ["app_id", "src_app_id"]));
        _answers = add(new(
            $"{name}_res_sent_total", "The number of responses sent via service invocation.", ["app_id", "dst_app_id", "status"]));
    }

    /// <summary>This sidecar's app asks another.</summary>
    public void Sent(string callee) => _sent.Record(1, _appId, callee, "unary");

    /// <summary>The other has answered.</summary>
    public void Answered(string callee, int status, TimeSpan elapsed)
    {
        _answered.Record(1, _appId, callee, Text(status), "unary");
        _latency.Record(Math.Floor(elapsed.TotalMilliseconds), _appId, callee, Text(status));
    }

    /// <summary>This sidecar's app is asked by another.</summary>
    public void Received(string caller) => _received.Record(1, _appId, caller);

    /// <summary>This sidecar's app has answered another.</summary>
    public void Answers(string caller, int status) => _answers.Record(1, _appId, caller, Text(status));

    private static string Text(int status) => status.ToString(CultureInfo.InvariantCulture);
}
