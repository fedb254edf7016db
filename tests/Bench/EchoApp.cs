using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Lavka.Bench;

/// <summary>The smallest app there is: it takes events, and answers what it is sent.</summary>
internal sealed class EchoApp : IAsyncDisposable
{
    private readonly WebApplication _server;
    private long _delivered;

    private EchoApp()
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        _server = builder.Build();
        _server.MapGet("/healthz", () => "");
        _server.MapGet("/dapr/subscribe", () => Results.Text("""[{"pubsubname":"pubsub","topic":"t","route":"/event"}]""", "application/json"));
        _server.MapPost("/event", async (HttpContext http) =>
        {
            await http.Request.Body.CopyToAsync(Stream.Null);
            Interlocked.Increment(ref _delivered);
        });
        _server.MapPost("/echo", (HttpContext http) =>
        {
            http.Response.ContentType = http.Request.ContentType;
            return http.Request.Body.CopyToAsync(http.Response.Body);
        });
    }

    public int Port => new Uri(_server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;

    /// <summary>How many events have come.</summary>
    public long Delivered => Interlocked.Read(ref _delivered);

    public static async Task<EchoApp> Start()
    {
        var app = new EchoApp();
        await app._server.StartAsync();
        return app;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}
