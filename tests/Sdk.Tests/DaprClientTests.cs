using System.Collections.Concurrent;
using System.Net.Http.Json;
using System.Text.Json;
using Dapr;
using Dapr.Client;
using Lavka.Testing;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;

namespace Lavka.Sdk.Tests;

public sealed class DaprClientTests
{
    public sealed record Thing(string Name, int Size);

    [Fact]
    public async Task State_is_saved_with_etags_and_in_transactions()
    {
        await using var app = await AppWithSidecar.Start(_ => { }, _ => { });
        var dapr = app.Dapr;

        Assert.True(await dapr.TrySaveStateAsync("statestore", "k/1", new Thing("a", 1), "", new() { Concurrency = ConcurrencyMode.FirstWrite }));
        Assert.False(await dapr.TrySaveStateAsync("statestore", "k/1", new Thing("b", 2), "", new() { Concurrency = ConcurrencyMode.FirstWrite }));
        var (thing, etag) = await dapr.GetStateAndETagAsync<Thing>("statestore", "k/1");
        await dapr.ExecuteStateTransactionAsync("statestore",
        [
            new("k/1", JsonSerializer.SerializeToUtf8Bytes(new Thing("c", 3), dapr.JsonSerializerOptions), StateOperationType.Upsert, etag),
            new("other", JsonSerializer.SerializeToUtf8Bytes(new Thing("d", 4), dapr.JsonSerializerOptions), StateOperationType.Upsert),
        ]);

        Assert.Equal(new Thing("a", 1), thing);
        Assert.False(await dapr.TryDeleteStateAsync("statestore", "k/1", etag));
        var items = await dapr.GetBulkStateAsync<Thing?>("statestore", ["k/1", "other", "none"], null);
        Assert.Equal([new Thing("c", 3), new Thing("d", 4), null], items.Select(item => item.Value));
        await dapr.DeleteStateAsync("statestore", "other");
        Assert.Null(await dapr.GetStateAsync<Thing?>("statestore", "other"));
    }

    [Fact]
    public async Task A_failure_carries_daprs_error_code()
    {
        await using var app = await AppWithSidecar.Start(_ => { }, _ => { });

        var error = await Assert.ThrowsAsync<DaprException>(() => app.Dapr.SaveStateAsync("nope", "k", 1));

        Assert.Equal("ERR_STATE_STORE_NOT_FOUND", Assert.IsType<DaprApiException>(error.InnerException).ErrorCode);
    }

    [Fact]
    public async Task An_app_is_invoked_by_its_id()
    {
        await using var app = await AppWithSidecar.Start(_ => { }, web => web.MapPost("/echo/{id}", (string id, Thing thing, string? q) => new { id, thing.Size, q }));
        using var http = app.Dapr.CreateInvokableHttpClient("app");

        using var response = await http.PostAsJsonAsync("/echo/a%20b?q=x", new Thing("n", 7));

        Assert.Equal("""{"id":"a b","size":7,"q":"x"}""", await response.Content.ReadAsStringAsync());
    }

    [Fact]
    public async Task Events_go_to_the_endpoint_whose_rule_they_meet()
    {
        var received = new ConcurrentQueue<string>();
        await using var app = await AppWithSidecar.Start(_ => { }, web =>
        {
            web.UseCloudEvents(new CloudEventsMiddlewareOptions { ForwardCloudEventPropertiesAsHeaders = true });
            web.MapSubscribeHandler();
            web.MapPost("/big", (Thing thing, HttpContext http) => received.Enqueue($"big {thing.Name} {http.Request.Headers["Cloudevent.id"]}"))
                .WithTopic(new TopicOptions { PubsubName = "pubsub", Name = "things", Match = "event.data.size > 10", Priority = 1 });
            web.MapPost("/special", (Thing thing) => received.Enqueue($"special {thing.Name}"))
                .WithTopic(new TopicOptions { PubsubName = "pubsub", Name = "things", Match = "event.type == \"special\"", Priority = 2 });
            web.MapPost("/other", (Thing thing) => received.Enqueue($"other {thing.Name}")).WithTopic("pubsub", "things");
        });

        await app.Dapr.PublishEventAsync("pubsub", "things", new Thing("a", 11), new Dictionary<string, string> { ["cloudevent.id"] = "e-1" });
        await app.Dapr.PublishEventAsync("pubsub", "things", new Thing("b", 1), new Dictionary<string, string> { ["cloudevent.type"] = "special" });
        await app.Dapr.PublishEventAsync("pubsub", "things", new Thing("c", 1));

        await Eventually.Holds(() => received.Count == 3, "three events");
        Assert.Equal(["big a e-1", "other c", "special b"], received.Order());
    }

    [Fact]
    public async Task A_sidecar_that_is_not_there_is_not_healthy_and_a_call_fails()
    {
        using var dapr = new DaprClientBuilder().UseHttpEndpoint($"http://127.0.0.1:{Ports.Free()}").Build();

        Assert.False(await dapr.CheckHealthAsync());
        await Assert.ThrowsAsync<DaprException>(() => dapr.GetStateAsync<int>("statestore", "k"));
    }
}
