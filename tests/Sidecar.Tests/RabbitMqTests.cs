using System.Net;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

public sealed class RabbitMqTests
{
    [RabbitMqFact]
    public async Task A_queue_that_is_deleted_is_made_again()
    {
        var topic = NewTopic();
        await using var test = await Start("deleted", topic);
        await test.Dapr.PublishAsync(topic, 1);
        await test.Received("/on");

        await (await RabbitMqServer.Shared).DeleteQueues("deleted", [topic]);

        await Eventually.Get(async () =>
        {
            await test.Dapr.PublishAsync(topic, 2);
            return test.App.Log.Count(request => request.Path == "/on") > 1 ? "" : null;
        }, "an event in the new queue");
    }

    [RabbitMqFact]
    public async Task An_exchange_that_is_deleted_does_not_end_publishing()
    {
        var topic = NewTopic();
        await using var test = await Start("orphaned", topic);
        await test.Dapr.PublishAsync(topic, 1);
        await (await RabbitMqServer.Shared).Do(channel => channel.ExchangeDeleteAsync(topic));

        Assert.Equal(HttpStatusCode.NoContent, (await test.Post($"/v1.0/publish/pubsub/{topic}", "2")).Status);
        Assert.Equal(HttpStatusCode.NoContent, (await test.Post("/v1.0/publish/pubsub/another", "3")).Status);
    }

    [RabbitMqFact]
    public async Task An_event_that_the_app_does_not_take_comes_again()
    {
        var tries = 0;
        var topic = NewTopic();
        await using var test = await Start("requeued", topic, () => ++tries < 3 ? 500 : 200);

        await test.Dapr.PublishAsync(topic, 1);

        await test.Received("/on", 3);
    }

    private static string NewTopic() => $"t-{Guid.NewGuid():N}";

    private static async Task<TestApp> Start(string appId, string topic, Func<int>? status = null) =>
        await TestApp.Start($$"""[{"pubsubname":"pubsub","topic":"{{topic}}","route":"/on"}]""", request => new(request.Path == "/on" ? status?.Invoke() ?? 200 : 200), new()
        {
            AppId = appId,
            Resources = [TestApp.Component("pubsub", "pubsub.rabbitmq", ("connectionString", (await RabbitMqServer.Shared).ConnectionString), ("requeueInFailure", "true"), ("reconnectWaitSeconds", "1"))],
        });
}
