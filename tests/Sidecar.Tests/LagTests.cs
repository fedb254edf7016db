using System.Net;
using System.Text.Json;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

/// <summary>What <c>GET /embedded/v1/topics</c> tells.</summary>
public sealed class LagTests
{
    private readonly string _topic = $"t-{Guid.NewGuid():N}";

    [Fact]
    public Task The_embedded_log_tells_what_waits_and_what_it_keeps() => Tells(5, TestApp.Component("pubsub", "pubsub.embedded", ("path", "log.db")));

    [Fact]
    public Task The_memory_tells_what_waits() => Tells(null, TestApp.Component("pubsub", "pubsub.in-memory"));

    [Fact]
    public Task Kafka_tells_what_waits_and_what_it_keeps() =>
        Tells(5, TestApp.Component("pubsub", "pubsub.kafka", [.. Kafka.Fields(), ("initialOffset", "oldest")]));

    [RabbitMqFact]
    public async Task RabbitMQ_tells_what_waits() =>
        await Tells(null, TestApp.Component("pubsub", "pubsub.rabbitmq", ("connectionString", (await RabbitMqServer.Shared).ConnectionString), ("requeueInFailure", "true"), ("prefetchCount", "2")));

    [Fact]
    public async Task A_topic_of_a_component_that_is_not_there_is_not_told()
    {
        await using var test = await TestApp.Start($$"""[{"pubsubname":"nowhere","topic":"{{_topic}}","route":"/on"}]""");

        Assert.Equal((HttpStatusCode.OK, "[]"), await test.Get("/embedded/v1/topics"));
    }

    private async Task Tells(long? kept, string component)
    {
        var taking = new TaskCompletionSource();
        await using var test = await TestApp.Start($$"""[{"pubsubname":"pubsub","topic":"{{_topic}}","route":"/on"}]""",
            request => request.Path == "/on" ? new(200, After: taking.Task) : null, new() { AppId = _topic, Resources = [component] });
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal(HttpStatusCode.NoContent, (await test.Post($"/v1.0/publish/pubsub/{_topic}?metadata.partitionKey=k", "1")).Status);
        }

        await test.Received("/on");
        await Eventually.Get(() => Told(5), "five to wait");
        taking.SetResult();
        await Eventually.Get(() => Told(0), "none to wait");

        async Task<string?> Told(long waiting)
        {
            var told = JsonDocument.Parse((await test.Get("/embedded/v1/topics")).Body).RootElement.EnumerateArray().Single();
            Assert.Equal(("pubsub", _topic, _topic), (told.GetProperty("pubsubname").GetString(), told.GetProperty("topic").GetString(), told.GetProperty("consumerGroup").GetString()));
            var (now, keeps) = (Number(told.GetProperty("waiting")), Number(told.GetProperty("kept")));
            return (now, keeps) == (waiting, kept) ? "" : null;
        }
    }

    private static long? Number(JsonElement value) => value.ValueKind == JsonValueKind.Null ? null : value.GetInt64();
}
