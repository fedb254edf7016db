using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Lavka.Sidecar.Testing;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests.ErrorTexts;

/// <summary>Why an app or an address could not be reached, in the very words of daprd 1.17.13: applications log and match them.</summary>
public sealed class NetworkErrorTests : IAsyncLifetime
{
    private readonly int _closed = Ports.Free();
    private readonly TcpListener _odd = new(IPAddress.Loopback, 0);
    private ScriptedApp _app = null!;
    private EmbeddedSidecar _sidecar = null!;

    private int Odd => ((IPEndPoint)_odd.LocalEndpoint).Port;

    public async Task InitializeAsync()
    {
        _odd.Start();
        _ = AnswerOddly();
        _app = await ScriptedApp.Start(request => request.Path switch
        {
            "/loop" => new(302) { Headers = new Dictionary<string, string> { ["Location"] = "/loop" } },
            _ => new(200),
        });
        _sidecar = await EmbeddedSidecar.StartAsync(new()
        {
            AppPort = _app.Port,
            Resources =
            [
                Endpoint("away", $"http://127.0.0.1:{_closed}"), Endpoint("odd", $"http://127.0.0.1:{Odd}"), Endpoint("plain", $"https://127.0.0.1:{Odd}"), Endpoint("here", $"http://127.0.0.1:{_app.Port}"),
                TestApp.Component("web-away", "bindings.http", ("url", $"http://127.0.0.1:{_closed}/x")), TestApp.Component("web-odd", "bindings.http", ("url", $"http://127.0.0.1:{Odd}")),
                TestApp.Component("web", "bindings.http", ("url", $"http://127.0.0.1:{_app.Port}")),
                TestApp.Component("mail", "bindings.smtp", ("host", "127.0.0.1"), ("port", $"{_closed}"), ("emailFrom", "a@b.c"), ("emailTo", "a@b.c"), ("subject", "s")),
            ],
        });
        await _sidecar.Ready;
    }

    public async Task DisposeAsync()
    {
        _odd.Dispose();
        await _sidecar.DisposeAsync();
        await _app.DisposeAsync();
    }

    [Theory]
    [InlineData("away", "ok", "Get \"http://127.0.0.1:{closed}/ok\": dial tcp 127.0.0.1:{closed}: connect: connection refused")]
    [InlineData("http://127.0.0.1:{closed}", "ok", "Get \"http://127.0.0.1:{closed}/ok\": dial tcp 127.0.0.1:{closed}: connect: connection refused")]
    [InlineData("odd", "close", "Get \"http://127.0.0.1:{odd}/close\": EOF")]
    [InlineData("odd", "garbage", "Get \"http://127.0.0.1:{odd}/garbage\": net/http: HTTP/1.x transport connection broken: malformed HTTP response \"garbage\"")]
    [InlineData("plain", "garbage", "Get \"https://127.0.0.1:{odd}/garbage\": http: server gave HTTP response to HTTPS client")]
    [InlineData("here", "loop", "Get \"/loop\": stopped after 10 redirects")]
    [InlineData("app", "a%3Fb", "rpc error: code = InvalidArgument desc = invalid method: method contains forbidden character: \"a?b\"")]
    [InlineData("app", "a%25b", "parse \"http://127.0.0.1:{app}/a%b\": invalid URL escape \"%b\"")]
    [InlineData("http://127.0.0.1:99999", "ok", "Get \"http://127.0.0.1:99999/ok\": dial tcp: address 99999: invalid port")]
    [InlineData("http://127.0.0.1:abc", "ok", "parse \"http://127.0.0.1:abc/ok\": invalid port \":abc\" after host")]
    [InlineData("http://host%20name", "ok", "parse \"http://host name/ok\": invalid character \" \" in host name")]
    [InlineData("http://[::1", "ok", "parse \"http://[::1/ok\": missing ']' in host")]
    [InlineData("http://", "ok", "Get \"http:///ok\": http: no Host in request URL")]
    [InlineData("http:/127.0.0.1", "ok", "invalid app id http:/127.0.0.1")]
    public async Task An_invocation_that_fails(string id, string method, string problem) => Assert.Equal(
        (HttpStatusCode.InternalServerError, $"failed to invoke, id: {Fill(Uri.UnescapeDataString(id))}, err: {Fill(problem)}"),
        await Message(await _sidecar.Http.GetAsync($"/v1.0/invoke/{Uri.EscapeDataString(Uri.UnescapeDataString(Fill(id)))}/method/{method}")));

    [Fact]
    public async Task An_app_that_is_away()
    {
        await _app.DisposeAsync();

        Assert.Equal((HttpStatusCode.InternalServerError, Fill("failed to invoke, id: app, err: Post \"http://127.0.0.1:{app}/ok\": dial tcp 127.0.0.1:{app}: connect: connection refused")),
            await Message(await _sidecar.Http.PostAsync("/v1.0/invoke/app/method/ok", new StringContent("1"))));
    }

    [Fact]
    public async Task A_body_without_a_length_that_is_too_large()
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1.0/invoke/app/method/ok") { Content = new StreamContent(new MemoryStream(new byte[5 * 1024 * 1024])) };
        request.Headers.TransferEncodingChunked = true;

        Assert.Equal((HttpStatusCode.InternalServerError, Fill("failed to invoke, id: app, err: Post \"http://127.0.0.1:{app}/ok\": stream too large")), await Message(await _sidecar.Http.SendAsync(request)));
    }

    [Theory]
    [InlineData("web-away", """{"operation":"get"}""", "Get \"http://127.0.0.1:{closed}/x\": dial tcp 127.0.0.1:{closed}: connect: connection refused")]
    [InlineData("web-away", """{"operation":"create"}""", "Post \"http://127.0.0.1:{closed}/x\": dial tcp 127.0.0.1:{closed}: connect: connection refused")]
    [InlineData("web-odd", """{"operation":"get","metadata":{"path":"/break"}}""", "unexpected EOF")]
    [InlineData("web-odd", """{"operation":"get","metadata":{"path":"/close"}}""", "Get \"http://127.0.0.1:{odd}/close\": EOF")]
    [InlineData("web", """{"operation":"get","metadata":{"path":"/%zz"}}""", "parse \"http://127.0.0.1:{app}/%zz\": invalid URL escape \"%zz\"")]
    [InlineData("web", """{"operation":"get","metadata":{"path":"/loop"}}""", "Get \"/loop\": stopped after 10 redirects")]
    [InlineData("web", """{"operation":"get","metadata":{"path":"/ok","X-A":"a\nb"}}""", "Get \"http://127.0.0.1:{app}/ok\": net/http: invalid header field value for \"X-A\"")]
    [InlineData("mail", """{"operation":"create"}""", "error from smtp binding, sending email failed: dial tcp 127.0.0.1:{closed}: connect: connection refused")]
    [InlineData("mail", """{"operation":"create","metadata":{"priority":"high"}}""", "strconv.Atoi: parsing \"high\": invalid syntax")]
    public async Task An_output_binding_that_fails(string name, string body, string problem) => Assert.Equal(
        (HttpStatusCode.InternalServerError, $"error invoking output binding {name}: {Fill(problem)}"), await Message(await _sidecar.Http.PostAsync($"/v1.0/bindings/{name}", new StringContent(body))));

    private static string Endpoint(string name, string url) => $"apiVersion: dapr.io/v1alpha1\nkind: HTTPEndpoint\nmetadata:\n  name: {name}\nspec:\n  baseUrl: {url}\n";

    private string Fill(string text) => text.Replace("{closed}", $"{_closed}", StringComparison.Ordinal).Replace("{odd}", $"{Odd}", StringComparison.Ordinal)
        .Replace("{app}", $"{_app.Port}", StringComparison.Ordinal);

    private static async Task<(HttpStatusCode Status, string? Message)> Message(HttpResponseMessage response)
    {
        using (response)
        {
            var body = await response.Content.ReadAsStringAsync();
            return (response.StatusCode, body.StartsWith('{') ? JsonDocument.Parse(body).RootElement.GetProperty("message").GetString() : body);
        }
    }

    /// <summary>A server that closes, breaks off, or says what is no HTTP.</summary>
    private async Task AnswerOddly()
    {
        while (true)
        {
            try
            {
                using var client = await _odd.AcceptTcpClientAsync();
                var stream = client.GetStream();
                var request = new byte[4096];
                var length = await stream.ReadAsync(request);
                var text = Encoding.ASCII.GetString(request, 0, length);
                await stream.WriteAsync(Encoding.ASCII.GetBytes(text.Contains(" /close ", StringComparison.Ordinal) ? ""
                    : text.Contains(" /break ", StringComparison.Ordinal) ? "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"
                    : text.StartsWith("GET", StringComparison.Ordinal) ? "garbage\r\n\r\n"
                    : "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"));
            }
            catch (IOException)
            {
                // The client has gone first.
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }
}
