using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

public sealed class RobustnessTests
{
    [Fact]
    public async Task A_slow_and_a_dead_app_do_not_block_another()
    {
        var mesh = new SidecarMesh();
        var release = new TaskCompletionSource();
        const string subscriptions = """[{"pubsubname":"pubsub","topic":"t","route":"/on"}]""";
        await using var slow = await TestApp.Start(subscriptions, request => request.Path == "/on" ? new(After: release.Task) : null, new() { AppId = "slow", Mesh = mesh });
        var dead = await TestApp.Start(subscriptions, options: new() { AppId = "dead", Mesh = mesh });
        await dead.App.DisposeAsync();
        await using var quick = await TestApp.Start(subscriptions, options: new() { AppId = "quick", Mesh = mesh });

        for (var i = 0; i < 200; i++)
        {
            await quick.Dapr.PublishAsync("t", i);
        }

        await quick.Received("/on", 200);
        Assert.Equal(HttpStatusCode.OK, (await quick.Get("/v1.0/invoke/quick/method/x")).Status);
        Assert.Equal(HttpStatusCode.InternalServerError, (await quick.Get("/v1.0/invoke/dead/method/x")).Status);
        release.SetResult();
        await dead.Dapr.DisposeAsync();
    }

    [Fact]
    public async Task A_backlog_waits_in_the_log_and_not_in_memory()
    {
        const int topics = 100;
        const int events = 400;
        var release = new TaskCompletionSource();
        var subscriptions = JsonSerializer.Serialize(Enumerable.Range(0, topics).Select(i => new { pubsubname = "pubsub", topic = $"t{i}", route = "/on" }));
        await using var app = await ScriptedApp.Start(request => request.Path == "/dapr/subscribe" ? Answer.Json(subscriptions) : request.Path == "/on" ? new(After: release.Task) : new(200));
        using var folder = new SidecarFolder().Component("pubsub", "pubsub.embedded", ("path", "log.db"), ("partitions", "1"));
        await using var sidecar = await Sidecar.StartAsync(folder.Options("app", app.Port));
        await sidecar.Ready;
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = sidecar.HttpEndpoint };
        var text = new string('x', 2000);
        var bulk = JsonSerializer.Serialize(Enumerable.Range(0, events).Select(i => new { entryId = $"{i}", @event = text, contentType = "text/plain" }));
        await http.PostAsync("/v1.0/publish/bulk/pubsub/t0", new StringContent(bulk));
        var memory = GC.GetTotalMemory(forceFullCollection: true);

        for (var i = 0; i < topics; i++)
        {
            using var response = await http.PostAsync($"/v1.0/publish/bulk/pubsub/t{i}", new StringContent(bulk));
            Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        }

        // 40,000 events of over 2 kB are waiting, some 90 MB: of those a batch a topic is in memory.
        Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - memory, long.MinValue, topics * 64L * 8000);
        release.SetResult();
    }

    [Theory]
    [InlineData("/v1.0/state/statestore", HttpStatusCode.BadRequest, "ERR_MALFORMED_REQUEST")]
    [InlineData("/v1.0/publish/pubsub/t", HttpStatusCode.InternalServerError, "ERR_PUBSUB_PUBLISH_MESSAGE")]
    [InlineData("/v1.0/invoke/app/method/x", HttpStatusCode.InternalServerError, "ERR_DIRECT_INVOKE")]
    [InlineData("/v1.0/bindings/files", HttpStatusCode.BadRequest, "ERR_MALFORMED_REQUEST")]
    [InlineData("/v1.0-alpha1/jobs/j", HttpStatusCode.BadRequest, "ERR_BODY_READ")]
    public async Task A_body_that_is_too_large_is_refused(string path, HttpStatusCode status, string errorCode)
    {
        await using var test = await TestApp.Start();

        foreach (var chunked in new[] { false, true })
        {
            using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new ByteArrayContent(new byte[5 * 1024 * 1024]) };
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            request.Headers.TransferEncodingChunked = chunked;
            if (chunked && errorCode == "ERR_DIRECT_INVOKE")
            {
                // Streams through as it comes.
                continue;
            }

            using var response = await test.Dapr.Http.SendAsync(request);

            Assert.Equal(status, response.StatusCode);
            Assert.Contains(errorCode, await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        Assert.Empty(test.App.Log);
    }
}
