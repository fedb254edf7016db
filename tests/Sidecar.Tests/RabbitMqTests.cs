using System.Net;
using Lavka.Testing;
using RabbitMQ.Client;

namespace Lavka.Sidecar.Tests;

public sealed class RabbitMqTests
{
    [RabbitMqFact]
    public async Task A_queue_that_is_deleted_is_made_again()
    {
        await using var test = await Start("deleted", out var topic);
        await test.Dapr.PublishAsync(topic, 1);
        await test.Received("/on");

        await RabbitMq.DeleteQueues("deleted", [topic]);

        await Eventually.Get(async () =>
        {
            await test.Dapr.PublishAsync(topic, 2);
            return test.App.Log.Count(request => request.Path == "/on") > 1 ? "" : null;
        }, "an event in the new queue");
    }

    [RabbitMqFact]
    public async Task An_exchange_that_is_deleted_does_not_end_publishing()
    {
        await using var test = await Start("orphaned", out var topic);
        await test.Dapr.PublishAsync(topic, 1);
        await using (var connection = await new ConnectionFactory { Uri = new(RabbitMq.Address) }.CreateConnectionAsync())
        await using (var channel = await connection.CreateChannelAsync())
        {
            await channel.ExchangeDeleteAsync(topic);
        }

        Assert.Equal(HttpStatusCode.NoContent, (await test.Post($"/v1.0/publish/pubsub/{topic}", "2")).Status);
        Assert.Equal(HttpStatusCode.NoContent, (await test.Post("/v1.0/publish/pubsub/another", "3")).Status);
    }

    [RabbitMqFact]
    public async Task An_event_that_the_app_does_not_take_comes_again()
    {
        var tries = 0;
        await using var test = await Start("requeued", out var topic, () => ++tries < 3 ? 500 : 200);

        await test.Dapr.PublishAsync(topic, 1);

        await test.Received("/on", 3);
    }

    private static Task<TestApp> Start(string appId, out string topic, Func<int>? status = null)
    {
        var own = topic = $"t-{Guid.NewGuid():N}";
        return TestApp.Start($$"""[{"pubsubname":"pubsub","topic":"{{own}}","route":"/on"}]""", request => new(request.Path == "/on" ? status?.Invoke() ?? 200 : 200), new()
        {
            AppId = appId,
            Resources = [TestApp.Component("pubsub", "pubsub.rabbitmq", ("connectionString", RabbitMq.Address), ("requeueInFailure", "true"), ("reconnectWaitSeconds", "1"))],
        });
    }
}
