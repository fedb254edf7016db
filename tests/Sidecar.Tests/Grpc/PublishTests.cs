using System.Text.Json;
using Dapr;
using Dapr.Client;
using Google.Rpc;
using Grpc.Core;
using Lavka.Sidecar.Testing;

namespace Lavka.Sidecar.Tests.Grpc;

/// <summary>Publishing as Dapr's own .NET client does it: by gRPC.</summary>
public sealed class PublishTests
{
    private sealed record Order(string Id, int Amount);

    [Fact]
    public async Task An_event_is_published_in_an_envelope()
    {
        await using var sidecar = await EmbeddedSidecar.StartAsync();
        using var dapr = Client(sidecar);

        await dapr.PublishEventAsync("pubsub", "orders", new Order("7", 3));

        var envelope = Json(await sidecar.Broker.WaitFor("orders"));
        Assert.Equal(new Order("7", 3), envelope.GetProperty("data").Deserialize<Order>(JsonSerializerOptions.Web));
        Assert.Equal(["app", "orders", "application/json", "com.dapr.event.sent"],
            new[] { "source", "topic", "datacontenttype", "type" }.Select(name => Text(envelope, name)));
    }

    [Fact]
    public async Task Metadata_make_the_envelope_and_reach_the_broker()
    {
        await using var sidecar = await EmbeddedSidecar.StartAsync();
        using var dapr = Client(sidecar);

        await dapr.PublishEventAsync("pubsub", "orders", new Order("7", 3), new Dictionary<string, string>
        {
            ["cloudevent.id"] = "order-7-1",
            ["cloudevent.type"] = "order.created",
            ["partitionKey"] = "7",
            ["ttlInSeconds"] = "60",
        });

        var published = await sidecar.Broker.WaitFor("orders");
        var envelope = Json(published);
        Assert.Equal(("order-7-1", "order.created"), (Text(envelope, "id"), Text(envelope, "type")));
        Assert.True(DateTimeOffset.Parse(Text(envelope, "expiration"), System.Globalization.CultureInfo.InvariantCulture) > sidecar.Clock.GetUtcNow());
        Assert.Equal("7", published.Metadata["partitionKey"]);
    }

    [Fact]
    public async Task A_raw_payload_has_no_envelope()
    {
        await using var sidecar = await EmbeddedSidecar.StartAsync();
        using var dapr = Client(sidecar);

        await dapr.PublishByteEventAsync("pubsub", "orders", "plain"u8.ToArray(), "text/plain", new() { ["rawPayload"] = "true" });

        Assert.Equal("plain", System.Text.Encoding.UTF8.GetString((await sidecar.Broker.WaitFor("orders")).Body.Span));
    }

    [Fact]
    public async Task Several_events_are_published_in_their_order()
    {
        await using var sidecar = await EmbeddedSidecar.StartAsync();
        using var dapr = Client(sidecar);

        var result = await dapr.BulkPublishEventAsync("pubsub", "orders", [new Order("1", 1), new Order("2", 2), new Order("3", 3)]);

        Assert.Empty(result.FailedEntries);
        Assert.Equal(["1", "2", "3"], sidecar.Broker.Published.Select(published => Text(Json(published).GetProperty("data"), "id")));
    }

    [Fact]
    public async Task Bulk_metadata_reach_only_entries_with_metadata_of_their_own()
    {
        await using var sidecar = await EmbeddedSidecar.StartAsync();
        using var channel = global::Grpc.Net.Client.GrpcChannel.ForAddress(sidecar.GrpcEndpoint);
        var dapr = new Dapr.Client.Autogen.Grpc.v1.Dapr.DaprClient(channel);

        await dapr.BulkPublishEventAsync(new()
        {
            PubsubName = "pubsub",
            Topic = "orders",
            Metadata = { ["cloudevent.source"] = "all", ["cloudevent.type"] = "all" },
            Entries =
            {
                new Dapr.Client.Autogen.Grpc.v1.BulkPublishRequestEntry { EntryId = "1", Metadata = { ["cloudevent.type"] = "one" } },
                new Dapr.Client.Autogen.Grpc.v1.BulkPublishRequestEntry { EntryId = "2" },
            },
        });

        Assert.Equal([("all", "one"), ("app", "com.dapr.event.sent")],
            sidecar.Broker.Published.Select(Json).Select(envelope => (Text(envelope, "source"), Text(envelope, "type"))));
    }

    [Fact]
    public async Task A_component_that_is_not_there_is_named()
    {
        await using var sidecar = await EmbeddedSidecar.StartAsync();
        using var dapr = Client(sidecar);

        var error = await Refused(dapr.PublishEventAsync("nope", "orders", new Order("7", 3), new Dictionary<string, string> { ["a"] = "b" }));

        Assert.Equal((StatusCode.InvalidArgument, "pubsub nope is not found"), (error.StatusCode, error.Status.Detail));
        var info = error.GetRpcStatus()!.GetDetail<ErrorInfo>()!;
        Assert.Equal("DAPR_PUBSUB_NOT_FOUND", info.Reason);
        Assert.Empty(info.Metadata);
    }

    [Fact]
    public async Task A_topic_out_of_the_apps_scope_is_refused()
    {
        var component = TestApp.Component("pubsub", "pubsub.in-memory", ("publishingScopes", "app=allowed"));
        await using var sidecar = await EmbeddedSidecar.StartAsync(new() { Resources = [component] });
        using var dapr = Client(sidecar);

        await dapr.PublishEventAsync("pubsub", "allowed", new Order("7", 3));
        var error = await Refused(dapr.PublishEventAsync("pubsub", "orders", new Order("7", 3)));

        Assert.Equal((StatusCode.PermissionDenied, "topic orders is not allowed for app id app"), (error.StatusCode, error.Status.Detail));
        Assert.Equal("DAPR_PUBSUB_FORBIDDEN", error.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason);
    }

    [Fact]
    public async Task A_broker_that_is_away_is_told()
    {
        await using var sidecar = await EmbeddedSidecar.StartAsync();
        using var dapr = Client(sidecar);
        sidecar.Broker.TakeAway();

        var single = await Refused(dapr.PublishEventAsync("pubsub", "orders", new Order("7", 3)));
        var bulk = await Refused(dapr.BulkPublishEventAsync("pubsub", "orders", [new Order("7", 3)]));

        Assert.All([single, bulk], error =>
        {
            Assert.Equal(StatusCode.Internal, error.StatusCode);
            Assert.StartsWith("error when publishing to topic orders in pubsub pubsub: ", error.Status.Detail, StringComparison.Ordinal);
            Assert.Equal("DAPR_PUBSUB_PUBLISH_MESSAGE", error.GetRpcStatus()!.GetDetail<ErrorInfo>()!.Reason);
        });
    }

    private static DaprClient Client(EmbeddedSidecar sidecar) =>
        new DaprClientBuilder().UseHttpEndpoint(sidecar.HttpEndpoint.ToString()).UseGrpcEndpoint(sidecar.GrpcEndpoint.ToString()).Build();

    private static async Task<RpcException> Refused(Task call) =>
        Assert.IsType<RpcException>((await Assert.ThrowsAsync<DaprException>(() => call)).InnerException);

    private static JsonElement Json(PublishedEvent published) => JsonSerializer.Deserialize<JsonElement>(published.Body.Span);

    private static string Text(JsonElement json, string name) => json.GetProperty(name).GetString()!;
}
