using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Json;
using Dapr.Client;
using Lavka.Gateway;
using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Lavka.Shop.Tests;

/// <summary>
/// How calls go to the sidecar: those that may be done twice with a length, so that Dapr makes them again where nobody answers, the others as a stream, which Dapr never does
/// (pkg/api/http/directmessaging.go).
/// </summary>
public sealed class RepeatTests : IAsyncLifetime
{
    private readonly ConcurrentQueue<(bool IsStream, string Body)> _calls = [];
    private WebApplication _sidecar = null!;
    private WebApplication _gateway = null!;
    private DaprClient _dapr = null!;

    public async Task InitializeAsync()
    {
        _sidecar = Host(_ => { });
        _sidecar.Run(async http =>
        {
            using var reader = new StreamReader(http.Request.Body);
            _calls.Enqueue((http.Request.Headers.TransferEncoding == "chunked", await reader.ReadToEndAsync()));
            await http.Response.WriteAsJsonAsync(new { });
        });
        await _sidecar.StartAsync();
        _dapr = new DaprClientBuilder().UseHttpEndpoint(_sidecar.Urls.Single()).Build();
        _gateway = Host(services => services.AddHttpForwarder().AddSingleton(_dapr).AddSingleton(new CallerTokens("gateway", "", TimeProvider.System)).AddSingleton<Forwarder>());
        _gateway.Map("/{**path}", (HttpContext http, Forwarder forwarder) => forwarder.Forward(http, "orders"));
        await _gateway.StartAsync();
    }

    public async Task DisposeAsync()
    {
        await _gateway.DisposeAsync();
        await _sidecar.DisposeAsync();
        _dapr.Dispose();
    }

    [Theory]
    [InlineData("GET", "/v2/orders/1", null, false, true)]
    [InlineData("POST", "/v2/orders", "{}", true, true)]
    [InlineData("POST", "/v1/orders", "{}", true, true)]
    [InlineData("POST", "/v2/orders/1/cancel", null, true, true)]
    [InlineData("POST", "/v2/orders", "{}", false, false)]
    [InlineData("POST", "/v2/orders/1/cancel", null, false, false)]
    [InlineData("POST", "/v1/products", "{}", true, false)]
    [InlineData("PATCH", "/v1/orders/1/status", "{}", true, false)]
    [InlineData("PUT", "/v2/users/1/preferences", "{}", false, false)]
    [InlineData("DELETE", "/v2/users/1/cart/items/1", null, false, false)]
    public async Task Only_what_may_be_done_twice_is_sent_so_that_Dapr_may_repeat_it(string method, string path, string? body, bool hasKey, bool mayBeRepeated)
    {
        using var http = new HttpClient();
        using var request = new HttpRequestMessage(new(method), _gateway.Urls.Single() + path) { Content = body is null ? null : new StringContent(body, null, "application/json") };
        if (hasKey)
        {
            request.Headers.Add("Idempotency-Key", "k");
        }

        using var response = await http.SendAsync(request);

        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal((!mayBeRepeated, body ?? ""), Assert.Single(_calls));
    }

    [Fact]
    public async Task What_services_ask_of_each_other_may_be_repeated()
    {
        using var content = JsonContent.Create(new { email = "ann@example.com" });

        using var response = await new Peers(_dapr, new("gateway", "", TimeProvider.System)).Send("users", HttpMethod.Post, "/credentials", CancellationToken.None, content);

        Assert.Equal((false, """{"email":"ann@example.com"}"""), Assert.Single(_calls));
    }

    private static WebApplication Host(Action<IServiceCollection> add)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Logging.ClearProviders();
        add(builder.Services);
        return builder.Build();
    }
}
