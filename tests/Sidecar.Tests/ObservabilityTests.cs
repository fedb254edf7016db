using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

public sealed class ObservabilityTests
{
    private const string Incoming = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    private const string Subscriptions = """[{"pubsubname":"pubsub","topic":"t","route":"/on"}]""";

    [Fact]
    public async Task A_trace_goes_on_through_publish_delivery_and_invocation()
    {
        await using var test = await TestApp.Start(Subscriptions, options: new() { Configuration = Tracing("samplingRate: '1'") });

        var published = await Send(test, HttpMethod.Post, "/v1.0/publish/pubsub/t", Incoming);
        var invoked = await Send(test, HttpMethod.Get, "/v1.0/invoke/app/method/hi", Incoming);

        var delivered = (await test.Received("/on"))[0].Headers["traceparent"];
        var called = (await test.Received("/hi"))[0].Headers["traceparent"];
        Assert.All([published, invoked, delivered, called], trace => Assert.StartsWith("00-4bf92f3577b34da6a3ce929d0e0e4736-", trace, StringComparison.Ordinal));
        Assert.Equal(4, new[] { Incoming, published, delivered, invoked }.Distinct().Count());
        Assert.Equal(invoked, called);
    }

    [Fact]
    public async Task A_trace_begins_where_there_is_none()
    {
        await using var test = await TestApp.Start(Subscriptions, options: new() { Configuration = Tracing("samplingRate: '1'") });

        var published = await Send(test, HttpMethod.Post, "/v1.0/publish/pubsub/t", null);

        var envelope = JsonDocument.Parse((await test.Received("/on"))[0].Body).RootElement;
        Assert.Equal(published, envelope.GetProperty("traceparent").GetString());
        Assert.Equal(published, envelope.GetProperty("traceid").GetString());
        Assert.True(ActivityContext.TryParse(published, null, out _));
    }

    [Fact]
    public async Task Without_tracing_the_trace_is_only_passed_on()
    {
        await using var test = await TestApp.Start(Subscriptions, options: new() { Configuration = Tracing("samplingRate: '0'") });

        Assert.Null(await Send(test, HttpMethod.Get, "/v1.0/invoke/app/method/hi", Incoming));
        await Send(test, HttpMethod.Post, "/v1.0/publish/pubsub/t", null);

        Assert.Equal(Incoming, (await test.Received("/hi"))[0].Headers["traceparent"]);
        Assert.False((await test.Received("/on"))[0].Headers.ContainsKey("traceparent"));
    }

    [Fact]
    public async Task Spans_go_to_Zipkin_under_Daprs_names()
    {
        await using var zipkin = await ScriptedApp.Start(_ => new(202));
        await using (var test = await TestApp.Start(Subscriptions, options: new() { Configuration = Tracing($"samplingRate: '1'\n    zipkin:\n      endpointAddress: http://127.0.0.1:{zipkin.Port}/api/v2/spans") }))
        {
            await Send(test, HttpMethod.Get, "/v1.0/state/statestore/k", Incoming);
            await Send(test, HttpMethod.Get, "/v1.0/invoke/app/method/missing", null);
            await Send(test, HttpMethod.Post, "/v1.0/publish/pubsub/t", null);
            await test.Received("/on");
        }

        var spans = zipkin.Log.SelectMany(request => JsonDocument.Parse(request.Body).RootElement.EnumerateArray()).ToList();
        var state = Assert.Single(spans, span => span.GetProperty("name").GetString() == "/v1.0/state/statestore/k");
        Assert.Equal("4bf92f3577b34da6a3ce929d0e0e4736", state.GetProperty("traceId").GetString());
        Assert.Equal("00f067aa0ba902b7", state.GetProperty("parentId").GetString());
        Assert.Equal("CLIENT", state.GetProperty("kind").GetString());
        Assert.Equal("statestore", state.GetProperty("tags").GetProperty("db.name").GetString());
        Assert.Equal("204", state.GetProperty("tags").GetProperty("dapr.status_code").GetString());
        Assert.Single(spans, span => span.GetProperty("name").GetString() == "calllocal/app/missing");
        Assert.Single(spans, span => span.GetProperty("name").GetString() == "pubsub/t");
    }

    [Fact]
    public async Task Spans_go_to_an_OpenTelemetry_collector()
    {
        await using var collector = await ScriptedApp.Start(_ => new(200));
        await using (var test = await TestApp.Start(options: new()
        {
            Configuration = Tracing($"samplingRate: '1'\n    otel:\n      endpointAddress: 127.0.0.1:{collector.Port}\n      isSecure: false\n      protocol: http"),
        }))
        {
            await Send(test, HttpMethod.Get, "/v1.0/state/statestore/k", null);
        }

        var export = Assert.Single(collector.Log);
        Assert.Equal("/v1/traces", export.Path);
        Assert.Contains("/v1.0/state/statestore/k", export.Text, StringComparison.Ordinal);
        Assert.Contains("service.name", export.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metrics_have_Daprs_names_and_labels()
    {
        using var folder = new SidecarFolder().Component("pubsub", "pubsub.in-memory").Component("state", "state.in-memory");
        await using var app = await ScriptedApp.Start(request => request.Path == "/dapr/subscribe" ? Answer.Json(Subscriptions) : new(200));
        await using var sidecar = await Sidecar.StartAsync(new() { AppId = "shop", AppPort = app.Port, ResourcesPaths = [folder.Resources], MetricsPort = 0 });
        await sidecar.Ready;
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = sidecar.HttpEndpoint };
        await http.PostAsync("/v1.0/publish/pubsub/t", new StringContent("1"));
        await http.GetAsync("/v1.0/state/state/some-key");
        await http.GetAsync("/v1.0/state/missing/some-key");
        await Eventually.Holds(() => app.Log.Any(request => request.Path == "/on"), "the event");

        var text = await Eventually.Get(async () => await http.GetStringAsync(sidecar.MetricsEndpoint) is var all && all.Contains("ingress_count", StringComparison.Ordinal) ? all : null, "the metrics");

        Assert.Contains("dapr_http_server_request_count{app_id=\"shop\",method=\"GET\",path=\"/v1.0/state/state\",status=\"204\"} 1", text, StringComparison.Ordinal);
        Assert.Contains("dapr_http_server_request_count{app_id=\"shop\",method=\"GET\",path=\"/v1.0/state/missing\",status=\"400\"} 1", text, StringComparison.Ordinal);
        Assert.Contains("dapr_component_pubsub_egress_count{app_id=\"shop\",component=\"pubsub\",namespace=\"\",success=\"true\",topic=\"t\"} 1", text, StringComparison.Ordinal);
        Assert.Contains("dapr_component_pubsub_ingress_count{app_id=\"shop\",component=\"pubsub\",namespace=\"\",process_status=\"success\",status=\"success\",topic=\"t\"} 1", text, StringComparison.Ordinal);
        Assert.Contains("dapr_component_state_count{app_id=\"shop\",component=\"state\",namespace=\"\",operation=\"get\",success=\"true\"} 1", text, StringComparison.Ordinal);
        Assert.Contains("dapr_http_server_latency_bucket{app_id=\"shop\",method=\"POST\",path=\"/v1.0/publish/pubsub/t\",status=\"204\",le=\"+Inf\"} 1", text, StringComparison.Ordinal);
        Assert.Contains("dapr_runtime_component_init_total{app_id=\"shop\",component=\"state.in-memory\"} 1", text, StringComparison.Ordinal);
        Assert.Contains("dapr_runtime_component_loaded{app_id=\"shop\"} 2", text, StringComparison.Ordinal);
        Assert.Contains("dapr_http_server_response_count{app_id=\"shop\",method=\"GET\",path=\"/v1.0/state/missing\",status=\"400\"} 1", text, StringComparison.Ordinal);
        Assert.Contains("dapr_http_server_request_bytes_bucket{app_id=\"shop\",le=\"1.048576e+06\"} 3", text, StringComparison.Ordinal);
        Assert.Contains("dapr_http_server_request_bytes_sum{app_id=\"shop\"} 1", text, StringComparison.Ordinal);
        Assert.Contains("dapr_http_server_response_bytes_count{app_id=\"shop\"} 3", text, StringComparison.Ordinal);
        Assert.Contains("dapr_http_client_sent_bytes_count{app_id=\"shop\",method=\"POST\",path=\"/on\",status=\"\"} 1", text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{}", "GET", "/v1.0/invoke/a/method/orders/1", "/v1.0/invoke/a/method/other/1", "/v1.0/state/state", "/orders/1")]
    [InlineData("{http: {increasedCardinality: false}}", "GET", "", "", "", "")]
    [InlineData("{http: {increasedCardinality: false, pathMatching: ['/v1.0/state/state/{key}', '/v1.0/invoke/a/method/orders/{id}', '/orders/{id}']}}", "GET", "/v1.0/invoke/a/method/orders/{id}", "", "/v1.0/state/state/{key}", "/orders/{id}")]
    [InlineData("{http: {excludeVerbs: true, pathMatching: ['/orders/{id}']}}", "", "/v1.0/invoke/{app_id}/method/orders/{id}", "/v1.0/invoke/a/method/other/1", "/v1.0/state/state", "/orders/{id}")]
    public async Task Paths_are_counted_as_the_Configuration_says(string metrics, string verb, string orders, string other, string state, string client)
    {
        using var folder = new SidecarFolder().Component("state", "state.in-memory");
        await using var app = await ScriptedApp.Start(_ => new(200));
        await using var sidecar = await Sidecar.StartAsync(new() { AppId = "a", AppPort = app.Port, ResourcesPaths = [folder.Resources], ConfigPaths = [Configuration(folder, metrics)], MetricsPort = 0 });
        await sidecar.Ready;
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = sidecar.HttpEndpoint };

        foreach (var path in new[] { "/v1.0/invoke/a/method/orders/1", "/v1.0/invoke/a/method/other/1", "/v1.0/state/state/k" })
        {
            await http.GetAsync(path);
        }

        // What a real daprd 1.17.13 counted.
        var text = await http.GetStringAsync(sidecar.MetricsEndpoint);
        Assert.All([orders, other, state], path => Assert.Contains($"dapr_http_server_request_count{{app_id=\"a\",method=\"{verb}\",path=\"{path}\",", text, StringComparison.Ordinal));
        Assert.Contains($"dapr_http_client_completed_count{{app_id=\"a\",method=\"{verb}\",path=\"{client}\",status=\"200\"}}", text, StringComparison.Ordinal);
        Assert.Contains($"dapr_http_client_completed_count{{app_id=\"a\",method=\"{verb}\",path=\"/dapr/config\",status=\"200\"}} 1", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Latencies_have_the_buckets_that_the_Configuration_says()
    {
        using var folder = new SidecarFolder();
        await using var sidecar = await Sidecar.StartAsync(new() { AppId = "a", ConfigPaths = [Configuration(folder, "{latencyDistributionBuckets: [5000, 90000]}")], MetricsPort = 0 });
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = sidecar.HttpEndpoint };
        await http.GetAsync("/v1.0/metadata");

        var bounds = (await http.GetStringAsync(sidecar.MetricsEndpoint)).Split('\n').Where(line => line.StartsWith("dapr_http_server_latency_bucket", StringComparison.Ordinal)).Select(line => line.Split("le=")[1]);

        Assert.Equal(["\"5000\"} 1", "\"90000\"} 1", "\"+Inf\"} 1"], bounds);
    }

    [Fact]
    public async Task Paths_that_are_too_many_are_counted_together()
    {
        await using var sidecar = await Sidecar.StartAsync(new() { AppId = "a", MetricsPort = 0 });
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = sidecar.HttpEndpoint };
        for (var i = 0; i < 1010; i++)
        {
            await http.GetAsync($"/v1.0/nonsense/{i}");
        }

        var counts = (await http.GetStringAsync(sidecar.MetricsEndpoint)).Split('\n').Where(line => line.StartsWith("dapr_http_server_request_count", StringComparison.Ordinal)).ToList();

        Assert.Equal(1001, counts.Count);
        Assert.Contains("dapr_http_server_request_count{app_id=\"a\",method=\"\",path=\"\",status=\"404\"} 10", counts);
    }

    [Fact]
    public async Task Both_sides_count_an_invocation()
    {
        var mesh = new SidecarMesh();
        await using var app = await ScriptedApp.Start(request => new(request.Path == "/none" ? 404 : 200));
        await using var callee = await Sidecar.StartAsync(new() { AppId = "callee", AppPort = app.Port, Mesh = mesh, MetricsPort = 0 });
        await using var caller = await Sidecar.StartAsync(new() { AppId = "caller", Mesh = mesh, MetricsPort = 0 });
        await callee.Ready;
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = caller.HttpEndpoint };

        await http.GetAsync("/v1.0/invoke/callee/method/hi");
        await http.GetAsync("/v1.0/invoke/callee/method/none");

        const string name = "dapr_runtime_service_invocation";
        var (sent, received) = (await http.GetStringAsync(caller.MetricsEndpoint), await http.GetStringAsync(callee.MetricsEndpoint));
        Assert.Contains($"{name}_req_sent_total{{app_id=\"caller\",dst_app_id=\"callee\",type=\"unary\"}} 2", sent, StringComparison.Ordinal);
        Assert.Contains($"{name}_res_recv_total{{app_id=\"caller\",src_app_id=\"callee\",status=\"404\",type=\"unary\"}} 1", sent, StringComparison.Ordinal);
        Assert.Contains($"{name}_res_recv_latency_ms_count{{app_id=\"caller\",src_app_id=\"callee\",status=\"200\"}} 1", sent, StringComparison.Ordinal);
        Assert.Contains($"{name}_req_recv_total{{app_id=\"callee\",src_app_id=\"caller\"}} 2", received, StringComparison.Ordinal);
        Assert.Contains($"{name}_res_sent_total{{app_id=\"callee\",dst_app_id=\"caller\",status=\"200\"}} 1", received, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Baggage_goes_on_to_the_app_and_back_to_the_caller()
    {
        var own = new Dictionary<string, string> { ["baggage"] = "own=1" };
        await using var test = await TestApp.Start(answer: _ => new(200, Headers: own));
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1.0/invoke/app/method/hi") { Headers = { { "baggage", "a=1;p,b=%20x" } } };

        using var response = await test.Dapr.Http.SendAsync(request);

        Assert.Equal("a=1;p,b=%20x", (await test.Received("/hi"))[0].Headers["baggage"]);
        Assert.Equal(["a=1;p,b=%20x", "own=1"], response.Headers.GetValues("baggage"));
    }

    [Theory]
    [InlineData("a", "invalid baggage list-member: \"a\"")]
    [InlineData("a=1,", "invalid baggage list-member: \"\"")]
    [InlineData("a=1;=2", "invalid baggage list-member property: \"=2\"")]
    [InlineData("a b=1", "invalid key: \"a b\"")]
    [InlineData("a=\"1\"", "invalid value: \"\\\"1\\\"\"")]
    [InlineData("a=%zz", "invalid value: invalid URL escape \"%zz\"")]
    public async Task Baggage_that_is_none_is_refused_in_daprds_words(string baggage, string problem)
    {
        await using var test = await TestApp.Start();
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v1.0/state/statestore/k");
        request.Headers.TryAddWithoutValidation("baggage", baggage);

        using var response = await test.Dapr.Http.SendAsync(request);

        Assert.Equal((HttpStatusCode.BadRequest, $"invalid baggage header: {problem}\n"), (response.StatusCode, await response.Content.ReadAsStringAsync()));
    }

    [Fact]
    public async Task The_log_is_daprds_as_JSON_or_text()
    {
        var json = (await LogOf("--log-as-json", "true")).Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.All(json, line => Assert.Equal(["app_id", "instance", "level", "msg", "scope", "time", "type", "ver"], line.EnumerateObject().Select(member => member.Name)));
        Assert.Contains(json, line => line.GetProperty("level").GetString() == "info" && line.GetProperty("scope").GetString() == "dapr.runtime" && line.GetProperty("app_id").GetString() == "logger");

        var text = await LogOf();
        Assert.All(text, line => Assert.Matches("^time=\"[^\"]+\" level=\\w+ msg=\"[^\"]+\" app_id=logger instance=\\S+ scope=\\S+ type=log ver=1\\.17\\.13$", line));
    }

    private static async Task<List<string>> LogOf(params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", [typeof(Sidecar).Assembly.Location, "--app-id", "logger", "--dapr-http-port", $"{Ports.Free()}", "--enable-metrics", "false", .. arguments]) { RedirectStandardOutput = true })!;
        try
        {
            return [(await process.StandardOutput.ReadLineAsync())!];
        }
        finally
        {
            process.Kill();
            await process.WaitForExitAsync();
        }
    }

    private static string Configuration(SidecarFolder folder, string metrics)
    {
        folder.With("../config.yaml", $"apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata:\n  name: metrics\nspec:\n  metrics: {metrics}\n");
        return Path.Combine(folder.Resources, "..", "config.yaml");
    }

    private static string Tracing(string spec) => $"apiVersion: dapr.io/v1alpha1\nkind: Configuration\nmetadata:\n  name: tracing\nspec:\n  tracing:\n    {spec}\n";

    /// <summary>The answer's trace.</summary>
    private static async Task<string?> Send(TestApp test, HttpMethod method, string path, string? traceParent)
    {
        using var request = new HttpRequestMessage(method, path);
        if (method == HttpMethod.Post)
        {
            request.Content = new StringContent("1", new MediaTypeHeaderValue("application/json"));
        }

        if (traceParent is not null)
        {
            request.Headers.Add("traceparent", traceParent);
        }

        using var http = new HttpClient(new SocketsHttpHandler { ActivityHeadersPropagator = null, UseProxy = false }) { BaseAddress = test.Dapr.HttpEndpoint };
        using var response = await http.SendAsync(request);
        return response.Headers.TryGetValues("traceparent", out var values) ? values.Single() : null;
    }
}
