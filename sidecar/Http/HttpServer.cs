using System.Net;
using Lavka.Sidecar.Observability;

namespace Lavka.Sidecar.Http;

/// <summary>Dapr's HTTP API, and Prometheus' metrics on a port of their own.</summary>
internal sealed class HttpServer : IAsyncDisposable
{
    private readonly WebApplication _server;
    private readonly Metrics? _metrics;
    private readonly bool _hasMetricsPort;

    /// <param name="options">Where they are.</param>
    /// <param name="api">The API.</param>
    /// <param name="metrics">What was counted; null: nothing is.</param>
    public HttpServer(SidecarOptions options, DaprApi api, Metrics? metrics)
    {
        (_metrics, _hasMetricsPort) = (metrics, options.MetricsPort is not null);
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.AllowSynchronousIO = false;
            kestrel.Limits.MaxRequestBodySize = null;
            new Listeners(options).Add(kestrel, "http", options.HttpPort);
            if (options.MetricsPort is { } port)
            {
                kestrel.Listen(IPAddress.Loopback, port);
            }
        });
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(2));
        _server = builder.Build();
        _server.Run(http => http.Connection.LocalPort == MetricsEndpoint?.Port ? WriteMetrics(http) : api.Handle(http));
    }

    /// <summary>Where the API is, for example <c>http://127.0.0.1:3500</c>.</summary>
    public Uri Endpoint { get; private set; } = null!;

    /// <summary>Where the metrics are; null: there are none.</summary>
    public Uri? MetricsEndpoint { get; private set; }

    public async Task Start(CancellationToken stop)
    {
        await _server.StartAsync(stop);
        var endpoints = Listeners.Of(_server.Services);
        Endpoint = endpoints[0];
        MetricsEndpoint = _hasMetricsPort ? endpoints[^1] : null;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task WriteMetrics(HttpContext http)
    {
        http.Response.ContentType = "text/plain; version=0.0.4; charset=utf-8";
        await http.Response.WriteAsync(_metrics?.ToText() ?? "", http.RequestAborted);
    }
}
