using System.Net;
using System.Net.Http.Headers;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

/// <summary>What a browser sends to a sidecar because a page of another site says so.</summary>
public sealed class OtherSitesTests : IAsyncDisposable
{
    private readonly SidecarFolder _folder = new();
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false });
    private Sidecar? _sidecar;

    public async ValueTask DisposeAsync()
    {
        await (_sidecar?.DisposeAsync() ?? default);
        _http.Dispose();
        _folder.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_host_that_is_invoked_by_its_URL_gets_the_apps_token_as_from_daprd_unless_it_is_for_the_app_alone(bool isForAppAlone)
    {
        await using var foreign = await ScriptedApp.Start(_ => new(200));
        await using var app = await ScriptedApp.Start(_ => new(200));
        _sidecar = await Sidecar.StartAsync(new() { AppId = "app", AppPort = app.Port, AppToken = "for the app", IsAppTokenForAppAlone = isForAppAlone });
        await _sidecar.Ready;

        await _http.GetAsync(new Uri(_sidecar.HttpEndpoint, "/v1.0/invoke/app/method/hi"));
        await _http.GetAsync(new Uri(_sidecar.HttpEndpoint, $"/v1.0/invoke/http://127.0.0.1:{foreign.Port}/method/hi"));

        Assert.Equal("for the app", app.Log.Single(request => request.Path == "/hi").Headers["dapr-api-token"]);
        Assert.Equal(!isForAppAlone, foreign.Log.Single(request => request.Path == "/hi").Headers.ContainsKey("dapr-api-token"));
    }

    [Theory]
    [InlineData("Origin", "https://evil.example")]
    [InlineData("Origin", "null")]
    [InlineData("Origin", "http://localhost:1")]
    [InlineData("Sec-Fetch-Site", "cross-site")]
    [InlineData("Sec-Fetch-Site", "same-site")]
    [InlineData("Host", "evil.example:3500")]
    [InlineData("Host", "127.0.0.1.evil.example")]
    public async Task A_page_of_another_site_gets_nowhere(string header, string value)
    {
        await Start([]);

        foreach (var path in new[] { "/v1.0/shutdown", "/v1.0/state/store", "/v1.0/invoke/app/method/x" })
        {
            var (status, body) = await Post(path, (header, value));

            Assert.Equal(HttpStatusCode.Forbidden, status);
            Assert.Contains("ERR_ORIGIN_FORBIDDEN", body, StringComparison.Ordinal);
        }

        Assert.False(_sidecar!.ShutdownRequested.IsCompleted);
        Assert.Equal(HttpStatusCode.NoContent, (await Post("/v1.0/shutdown")).Status);
    }

    [Theory]
    [InlineData("Origin", "own")]
    [InlineData("Sec-Fetch-Site", "none")]
    [InlineData("Sec-Fetch-Site", "same-origin")]
    [InlineData("Host", "localhost")]
    [InlineData("Host", "app.localhost:3500")]
    [InlineData("Host", "[::1]:3500")]
    [InlineData("Origin", "https://shop.example", "traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")]
    [InlineData("Origin", "https://shop.example", "X-Forwarded-For", "192.0.2.1")]
    public async Task A_program_and_a_page_of_its_own_do(params string[] headers)
    {
        await Start([]);
        var own = _sidecar!.HttpEndpoint.GetLeftPart(UriPartial.Authority);

        var (status, _) = await Post("/v1.0/state/store", [.. headers.Chunk(2).Select(header => (header[0], header[1] == "own" ? own : header[1]))]);

        Assert.Equal(HttpStatusCode.NoContent, status);
    }

    [Theory]
    [InlineData("*", "Host", "evil.example")]
    [InlineData("*", "Origin", "https://evil.example")]
    [InlineData("https://shop.example", "Origin", "https://shop.example")]
    public async Task What_is_allowed_is_let_in(string allowed, string header, string value)
    {
        await Start([allowed]);

        Assert.Equal(HttpStatusCode.NoContent, (await Post("/v1.0/state/store", (header, value))).Status);
    }

    private async Task Start(string[] allowed)
    {
        _folder.Component("store", "state.in-memory");
        _sidecar = await Sidecar.StartAsync(new() { AppId = "app", ResourcesPaths = [_folder.Resources], AllowedOrigins = allowed });
    }

    /// <summary>As a form does, which no browser asks about first.</summary>
    private async Task<(HttpStatusCode Status, string Body)> Post(string path, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, new Uri(_sidecar!.HttpEndpoint, path));
        request.Content = new StringContent("""[{"key":"a","value":1}]""", MediaTypeHeaderValue.Parse("text/plain"));
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using var response = await _http.SendAsync(request);
        return (response.StatusCode, await response.Content.ReadAsStringAsync());
    }
}
