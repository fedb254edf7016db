using Lavka.ServiceDefaults;
using Lavka.Testing;
using Microsoft.AspNetCore.Builder;

namespace Lavka.Services.Tests;

/// <summary>What a service tells of itself.</summary>
public sealed class TelemetryTests
{
    [Fact]
    public async Task Requests_become_spans_and_metrics_at_the_collector()
    {
        await using var collector = await ScriptedApp.Start(_ => new(200));
        var builder = WebApplication.CreateBuilder();
        builder.Configuration["APP_PORT"] = "0";
        builder.Configuration["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://127.0.0.1:{collector.Port}";
        builder.Configuration["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf";
        builder.AddServiceDefaults("orders");
        await using (var service = builder.Build())
        {
            service.MapGet("/ping", () => "pong");
            await service.StartAsync();
            using var http = new HttpClient();

            await http.GetStringAsync(new Uri($"{service.Urls.First()}/ping"));
        }

        var traces = string.Concat(collector.Log.Where(export => export.Path == "/v1/traces").Select(export => export.Text));
        Assert.All(["orders", "lavka", "GET /ping", "Microsoft.AspNetCore", "System.Net.Http"], part => Assert.Contains(part, traces, StringComparison.Ordinal));
        var metrics = string.Concat(collector.Log.Where(export => export.Path == "/v1/metrics").Select(export => export.Text));
        Assert.All(["orders", "http.server.request.duration", "http.client.request.duration", "dotnet.gc.collections"], part => Assert.Contains(part, metrics, StringComparison.Ordinal));
    }
}
