using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;

namespace Lavka.Testing;

/// <summary>What an app got.</summary>
/// <param name="Path">As it was sent, percent-encoded.</param>
public sealed record Received(string Method, string Path, string Query, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public string Text => System.Text.Encoding.UTF8.GetString(Body);

    /// <summary>For example <c>HTTP/1.1</c>.</summary>
    public string Protocol { get; init; } = "HTTP/1.1";
}

/// <summary>What an app answers.</summary>
/// <param name="After">When; null: at once.</param>
public sealed record Answer(int Status = 200, string? Body = null, string? ContentType = null, IReadOnlyDictionary<string, string>? Headers = null, TimeSpan Delay = default, Task? After = null)
{
    public static Answer Json(string body, int status = 200) => new(status, body, "application/json");
}

/// <summary>An app beside a sidecar: it answers as the test says and remembers what it got.</summary>
public sealed class ScriptedApp : IAsyncDisposable
{
    private readonly WebApplication _server;
    private readonly Func<Received, Answer> _answer;

    private ScriptedApp(Func<Received, Answer> answer, int port, HttpProtocols protocols, X509Certificate2? certificate)
    {
        _answer = answer;
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, port, listen =>
            {
                listen.Protocols = protocols;
                if (certificate is not null)
                {
                    listen.UseHttps(certificate);
                }
            });
            kestrel.Limits.MaxRequestBodySize = null;
        });
        _server = builder.Build();
        _server.Run(Handle);
    }

    public ConcurrentQueue<Received> Log { get; } = new();

    public int Port { get; private set; }

    /// <param name="protocols">What it speaks: <see cref="HttpProtocols.Http2"/> alone, without a certificate, is h2c.</param>
    /// <param name="certificate">For TLS; null: none.</param>
    public static async Task<ScriptedApp> Start(
        Func<Received, Answer> answer, int port = 0, HttpProtocols protocols = HttpProtocols.Http1, X509Certificate2? certificate = null)
    {
        var app = new ScriptedApp(answer, port, protocols, certificate);
        await app._server.StartAsync();
        app.Port = new Uri(app._server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.First()).Port;
        return app;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task Handle(HttpContext http)
    {
        using var body = new MemoryStream();
        await http.Request.Body.CopyToAsync(body);
        var target = http.Features.Get<IHttpRequestFeature>()!.RawTarget.Split('?', 2);
        var received = new Received(http.Request.Method, target[0], target.Length == 2 ? target[1] : "",
            http.Request.Headers.ToDictionary(header => header.Key.ToLowerInvariant(), header => header.Value.ToString()), body.ToArray())
        { Protocol = http.Request.Protocol };
        if (received.Path is not ("/dapr/subscribe" or "/dapr/config"))
        {
            Log.Enqueue(received);
        }

        var answer = _answer(received);
        if (answer.Delay > TimeSpan.Zero)
        {
            await Task.Delay(answer.Delay);
        }

        await (answer.After ?? Task.CompletedTask);
        http.Response.StatusCode = answer.Status;
        foreach (var (name, value) in answer.Headers ?? new Dictionary<string, string>())
        {
            http.Response.Headers[name] = value;
        }

        if (answer.Body is not null)
        {
            http.Response.ContentType = answer.ContentType ?? "text/plain";
            await http.Response.WriteAsync(answer.Body);
        }
    }
}
