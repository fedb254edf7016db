using System.Text.Json;
using Grpc.Core;
using Lavka.Sidecar.Testing;
using Lavka.Testing;
using Status = Dapr.AppCallback.Autogen.Grpc.v1.TopicEventResponse.Types.TopicEventResponseStatus;

namespace Lavka.Sidecar.Tests.Grpc;

public sealed class StreamingSubscriptionTests
{
    private const string TwoRetries = """
        apiVersion: dapr.io/v1alpha1
        kind: Resiliency
        metadata:
          name: resiliency
        spec:
          policies:
            retries:
              two: {policy: constant, duration: 10ms, maxRetries: 2}
          targets:
            components:
              pubsub:
                inbound: {retry: two}
        """;

    [Fact]
    public async Task An_event_comes_to_a_client_without_an_app_and_ends_with_its_answer()
    {
        await using var sidecar = await EmbeddedSidecar.StartAsync();
        using var stream = await TestStream.Open(sidecar.GrpcEndpoint, "orders");

        await Publish(sidecar, "orders", """{"id":7}""");
        var taken = await stream.Take();
        await Publish(sidecar, "orders", "2");

        Assert.Equal(("""{"id":7}""", "application/json; charset=utf-8"), (taken.Data.ToStringUtf8(), taken.DataContentType));
        Assert.Equal(("orders", "pubsub", "/"), (taken.Topic, taken.PubsubName, taken.Path));
        Assert.Equal("2", (await stream.Take()).Data.ToStringUtf8());
    }

    [Fact]
    public async Task A_client_that_asks_for_it_gets_an_event_again_and_then_it_is_a_dead_letter()
    {
        await using var sidecar = await EmbeddedSidecar.StartAsync(new() { Resources = [TestApp.Component("pubsub", "pubsub.in-memory"), TwoRetries] });
        using var stream = await TestStream.Open(sidecar.GrpcEndpoint, "orders", deadLetterTopic: "dead");
        using var dead = await TestStream.Open(sidecar.GrpcEndpoint, "dead");

        await Publish(sidecar, "orders", "1");
        var ids = new[] { (await stream.Take(Status.Retry)).Id, (await stream.Take(Status.Retry)).Id, (await stream.Take(Status.Retry)).Id };

        Assert.Equal(ids[0], Assert.Single(ids.Distinct()));
        Assert.Equal(ids[0], (await dead.Take()).Id);
    }

    [Fact]
    public async Task A_dropped_event_is_a_dead_letter_at_once()
    {
        await using var sidecar = await EmbeddedSidecar.StartAsync(new() { Resources = [TestApp.Component("pubsub", "pubsub.in-memory"), TwoRetries] });
        using var stream = await TestStream.Open(sidecar.GrpcEndpoint, "orders", deadLetterTopic: "dead");
        using var dead = await TestStream.Open(sidecar.GrpcEndpoint, "dead");

        await Publish(sidecar, "orders", "1");
        var dropped = await stream.Take(Status.Drop);
        await Publish(sidecar, "orders", "2");

        Assert.Equal(dropped.Id, (await dead.Take()).Id);
        Assert.Equal("2", (await stream.Take()).Data.ToStringUtf8());
    }

    [Fact]
    public async Task Both_streams_get_what_is_published_where_there_are_no_consumer_groups()
    {
        await using var sidecar = await EmbeddedSidecar.StartAsync();
        using var one = await TestStream.Open(sidecar.GrpcEndpoint, "orders");
        using var other = await TestStream.Open(sidecar.GrpcEndpoint, "orders");

        await Publish(sidecar, "orders", "1");

        Assert.Equal((await one.Take()).Id, (await other.Take()).Id);
    }

    [Fact]
    public async Task Instances_of_an_app_share_what_is_published()
    {
        var mesh = new SidecarMesh();
        await using var one = await EmbeddedSidecar.StartAsync(new() { Mesh = mesh });
        await using var other = await EmbeddedSidecar.StartAsync(new() { Mesh = mesh });
        using var first = await TestStream.Open(one.GrpcEndpoint, "orders");
        using var second = await TestStream.Open(other.GrpcEndpoint, "orders");
        await Publish(one, "orders", "1");
        await Publish(one, "orders", "2");

        // Each holds one, and whoever holds one gets no other.
        Assert.Equal(["1", "2"], new[] { (await first.Next()).Data.ToStringUtf8(), (await second.Next()).Data.ToStringUtf8() }.Order());
    }

    [Fact]
    public async Task What_a_client_had_when_it_left_comes_to_the_next()
    {
        await using var sidecar = await EmbeddedSidecar.StartAsync(new() { Resources = [TestApp.Component("pubsub", "pubsub.embedded", ("path", "log.db"))] });
        string id;
        using (var stream = await TestStream.Open(sidecar.GrpcEndpoint, "orders"))
        {
            await Publish(sidecar, "orders", "1");
            id = (await stream.Next()).Id;
        }

        using var next = await TestStream.Open(sidecar.GrpcEndpoint, "orders");

        Assert.Equal(id, (await next.Take()).Id);
    }

    [Fact]
    public async Task A_stream_ends_when_its_component_is_replaced()
    {
        using var folder = new SidecarFolder().Component("pubsub", "pubsub.in-memory");
        await using var sidecar = await Sidecar.StartAsync(folder.Options("app"));
        using var stream = await TestStream.Open(sidecar.GrpcEndpoint, "orders");

        folder.Component("pubsub", "pubsub.in-memory", ("publishingScopes", "app=orders"));

        var end = await stream.End();
        Assert.Equal((StatusCode.Unknown, "stream closed"), (end.StatusCode, end.Status.Detail));
    }

    [Fact]
    public async Task A_half_closed_stream_is_no_subscription_any_more()
    {
        using var folder = new SidecarFolder().Component("pubsub", "pubsub.in-memory");
        await using var sidecar = await Sidecar.StartAsync(folder.Options("app"));
        using var stream = await TestStream.Open(sidecar.GrpcEndpoint, "orders");
        Assert.Equal(["STREAMING"], await Types(sidecar));

        await stream.Complete();

        Assert.Equal("EOF", (await stream.End()).Status.Detail);
        await Eventually.Get(async () => (await Types(sidecar)).Count == 0 ? "" : null, "the subscription to be gone");
    }

    [Fact]
    public async Task A_sidecar_that_is_asked_to_shut_down_waits_for_open_streams()
    {
        using var folder = new SidecarFolder().Component("pubsub", "pubsub.in-memory");
        await using var sidecar = await Sidecar.StartAsync(folder.Options("app"));
        var stream = await TestStream.Open(sidecar.GrpcEndpoint, "orders");
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = sidecar.HttpEndpoint };

        await http.PostAsync("/v1.0/shutdown", null);
        await http.PostAsync("/v1.0/publish/pubsub/orders", new StringContent("1"));
        await stream.Take();
        Assert.False(sidecar.ShutdownRequested.IsCompleted);

        stream.Dispose();
        await sidecar.ShutdownRequested.WaitAsync(TimeSpan.FromSeconds(30));
    }

    private static async Task<IReadOnlyList<string>> Types(Sidecar sidecar)
    {
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false }) { BaseAddress = sidecar.HttpEndpoint };
        var metadata = JsonDocument.Parse(await http.GetStringAsync("/v1.0/metadata")).RootElement;
        return metadata.TryGetProperty("subscriptions", out var subscriptions)
            ? [.. subscriptions.EnumerateArray().Select(one => one.GetProperty("type").GetString()!)]
            : [];
    }

    private static Task Publish(EmbeddedSidecar sidecar, string topic, string json) => OverHttp.Publish(sidecar.HttpEndpoint, $"pubsub/{topic}", json);
}
