using System.Net;
using System.Net.Sockets;
using System.Text;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

public sealed class BindingTests
{
    [Fact]
    public async Task Cron_brings_a_tick_to_the_app_that_wants_it()
    {
        await using var test = await TestApp.Start(options: new() { Resources = [TestApp.Component("tick", "bindings.cron", ("schedule", "@every 1m"), ("route", "/on-tick"))] });

        test.Dapr.Clock.Advance(TimeSpan.FromMinutes(1));

        var received = await test.Received("/on-tick", 2);
        Assert.Equal(["OPTIONS", "POST"], received.Select(request => request.Method));
        Assert.True(received[1].Headers.ContainsKey("readtimeutc"));
        Assert.Empty(received[1].Body);
    }

    [Fact]
    public async Task An_app_that_does_not_want_a_binding_gets_nothing_of_it()
    {
        await using var test = await TestApp.Start(answer: request => request.Method == "OPTIONS" ? new(404) : null,
            options: new() { Resources = [TestApp.Component("tick", "bindings.cron", ("schedule", "@every 1s"))] });

        test.Dapr.Clock.Advance(TimeSpan.FromMinutes(1));
        await test.Get("/v1.0/invoke/app/method/other");

        Assert.DoesNotContain(test.App.Log, request => request.Method == "POST");
    }

    [Fact]
    public async Task Http_sends_the_operation_with_its_path_headers_and_body()
    {
        await using var target = await ScriptedApp.Start(_ => Answer.Json("""{"ok":1}""", 201) with { Headers = new Dictionary<string, string> { ["X-Answer"] = "yes" } });
        await using var test = await TestApp.Start(options: new()
        {
            Resources = [TestApp.Component("web", "bindings.http", ("url", $"http://127.0.0.1:{target.Port}/base"), ("securityToken", "secret"), ("securityTokenHeader", "X-Token"))],
        });

        using var response = await test.Dapr.Http.PostAsync("/v1.0/bindings/web", new StringContent("""{"operation":"put","data":{"a":1},"metadata":{"path":"/x?y=1","X-Own":"z"}}"""));

        Assert.Equal("""{"ok":1}""", await response.Content.ReadAsStringAsync());
        Assert.Equal("201", response.Headers.GetValues("metadata.statusCode").Single());
        Assert.Equal("yes", response.Headers.GetValues("metadata.X-Answer").Single());
        var received = Assert.Single(target.Log);
        Assert.Equal(("PUT", "/base/x", "y=1", """{"a":1}"""), (received.Method, received.Path, received.Query, received.Text));
        Assert.Equal(("secret", "z"), (received.Headers["x-token"], received.Headers["x-own"]));
    }

    [Theory]
    [InlineData("""{"operation":"get"}""", HttpStatusCode.InternalServerError)]
    [InlineData("""{"operation":"get","metadata":{"errorIfNot2XX":"false"}}""", HttpStatusCode.OK)]
    public async Task Http_takes_another_status_for_an_error_unless_told_not_to(string body, HttpStatusCode status)
    {
        await using var target = await ScriptedApp.Start(_ => new(503, "away"));
        await using var test = await TestApp.Start(options: new() { Resources = [TestApp.Component("web", "bindings.http", ("url", $"http://127.0.0.1:{target.Port}"))] });

        Assert.Equal(status, (await test.Post("/v1.0/bindings/web", body)).Status);
    }

    [Fact]
    public async Task Smtp_sends_an_e_mail()
    {
        using var server = new OneMailServer();
        await using var test = await TestApp.Start(options: new()
        {
            Resources = [TestApp.Component("mail", "bindings.smtp", ("host", "127.0.0.1"), ("port", $"{server.Port}"), ("emailFrom", "shop@example.com"), ("subject", "Hello"))],
        });

        var answer = await test.Post("/v1.0/bindings/mail", """{"operation":"create","data":"<p>Your order</p>","metadata":{"emailTo":"ann@example.com;bob@example.com","priority":"1"}}""");

        Assert.Equal(HttpStatusCode.NoContent, answer.Status);
        var mail = await server.Received;
        Assert.Contains("RCPT TO:<bob@example.com>", mail, StringComparison.Ordinal);
        Assert.Contains("Subject: Hello", mail, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("X-priority: 1", mail, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("<p>Your order</p>", mail, StringComparison.Ordinal);
        Assert.Contains("text/html", mail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""{"operation":"create","data":"x"}""", "emailTo property not supplied")]
    [InlineData("""{"operation":"create","data":"x","metadata":{"emailTo":"a@example.com"}}""", "sending email failed")]
    [InlineData("""{"operation":"send"}""", "does not support operation send")]
    [InlineData("""{"data":1}""", "operation field is missing")]
    public async Task An_e_mail_that_cannot_be_sent_is_an_error(string body, string problem)
    {
        await using var test = await TestApp.Start(options: new()
        {
            Resources = [TestApp.Component("mail", "bindings.smtp", ("host", "127.0.0.1"), ("port", $"{Ports.Free()}"), ("emailFrom", "shop@example.com"), ("subject", "Hello"))],
        });

        var answer = await test.Post("/v1.0/bindings/mail", body);

        Assert.Equal(HttpStatusCode.InternalServerError, answer.Status);
        Assert.Contains("ERR_INVOKE_OUTPUT_BINDING", answer.Body, StringComparison.Ordinal);
        Assert.Contains(problem, answer.Body, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("\"hello\"", "hello")]
    [InlineData("\"aGVsbG8=\"", "hello")]
    [InlineData("{\"b\":1,\"a\":2}", "{\"a\":2,\"b\":1}")]
    public async Task A_file_holds_what_the_data_stands_for(string data, string content)
    {
        await using var test = await TestApp.Start(options: new() { Resources = [TestApp.Component("files", "bindings.localstorage", ("rootPath", "files"))] });

        var created = await test.Post("/v1.0/bindings/files", $$$"""{"operation":"create","data":{{{data}}},"metadata":{"fileName":"../../sub/x.txt"}}""");

        Assert.Equal("""{"fileName":"sub/x.txt"}""", created.Body);
        Assert.Equal(content, (await test.Post("/v1.0/bindings/files", """{"operation":"get","metadata":{"fileName":"sub/x.txt"}}""")).Body);
    }

    /// <summary>Takes one e-mail (RFC 5321, as much as is needed for that).</summary>
    private sealed class OneMailServer : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

        public OneMailServer()
        {
            _listener.Start();
            Received = Task.Run(Serve);
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public Task<string> Received { get; }

        public void Dispose() => _listener.Dispose();

        private async Task<string> Serve()
        {
            using var client = await _listener.AcceptTcpClientAsync();
            using var reader = new StreamReader(client.GetStream(), Encoding.ASCII);
            await using var writer = new StreamWriter(client.GetStream(), Encoding.ASCII) { NewLine = "\r\n", AutoFlush = true };
            var all = new StringBuilder();
            var data = false;
            await writer.WriteLineAsync("220 test");
            while (await reader.ReadLineAsync() is { } line)
            {
                all.AppendLine(line);
                if (data && line != ".")
                {
                    continue;
                }

                data = line == "DATA";
                await writer.WriteLineAsync(data ? "354 go" : line == "QUIT" ? "221 bye" : "250 ok");
                if (line == ".")
                {
                    break;
                }
            }

            return all.ToString();
        }
    }
}
