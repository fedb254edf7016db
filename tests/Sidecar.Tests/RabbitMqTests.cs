using System.Globalization;
using System.Net;
using System.Text.Json;
using Lavka.Sidecar.Resources;
using Lavka.Sidecar.Testing;
using Lavka.Testing;
using RabbitMQ.Client;

namespace Lavka.Sidecar.Tests;

public sealed class RabbitMqTests
{
    private readonly string _topic = RabbitMq.NewTopic();
    private readonly LogLines _log = new();

    [RabbitMqFact]
    public async Task A_queue_that_is_deleted_is_made_again()
    {
        await using var test = await Start("deleted");
        await test.Dapr.PublishAsync(_topic, 1);
        await test.Received("/on");

        await (await RabbitMqServer.Shared).Do(channel => channel.QueueDeleteAsync($"deleted-{_topic}"));

        await Eventually.Get(async () =>
        {
            await test.Dapr.PublishAsync(_topic, 2);
            return test.App.Log.Count(request => request.Path == "/on") > 1 ? "" : null;
        }, "an event in the new queue");
    }

    [RabbitMqFact]
    public async Task An_exchange_that_is_deleted_does_not_end_publishing()
    {
        await using var test = await Start("orphaned");
        await test.Dapr.PublishAsync(_topic, 1);
        await (await RabbitMqServer.Shared).Do(channel => channel.ExchangeDeleteAsync(_topic));

        Assert.Equal(HttpStatusCode.NoContent, (await test.Post($"/v1.0/publish/pubsub/{_topic}", "2")).Status);
        Assert.Equal(HttpStatusCode.NoContent, (await test.Post("/v1.0/publish/pubsub/another", "3")).Status);
    }

    [RabbitMqFact]
    public async Task An_event_that_the_app_does_not_take_comes_again()
    {
        var tries = 0;
        await using var test = await Start("requeued", _ => new(Interlocked.Increment(ref tries) < 3 ? 500 : 200));

        await test.Dapr.PublishAsync(_topic, 1);

        await test.Received("/on", 3);
    }

    [RabbitMqFact]
    public async Task Two_instances_share_a_queue()
    {
        static Answer TakesItsTime(Received request) => new(200, Delay: TimeSpan.FromMilliseconds(10));
        await using var one = await Start("shared", TakesItsTime);
        await using var other = await Start("shared", TakesItsTime);

        await Task.WhenAll(Enumerable.Range(0, 400).Select(i => one.Dapr.PublishAsync(_topic, i)));

        await Eventually.Holds(() => Taken(one).Concat(Taken(other)).Distinct().Count() == 400, "every event");
        Assert.NotEmpty(Taken(one));
        Assert.NotEmpty(Taken(other));
        Assert.Equal(400, Taken(one).Concat(Taken(other)).Count());
    }

    [RabbitMqFact]
    public async Task What_an_instance_had_not_acknowledged_when_it_was_cut_off_another_gets()
    {
        var held = new TaskCompletionSource();
        await using var proxy = TcpProxy.Start((await RabbitMqServer.Shared).Port);
        await using var dying = await Start("heir", _ => new(200, After: held.Task), $"amqp://guest:guest@127.0.0.1:{proxy.Port}");
        await using var other = await Start("heir");
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => other.Dapr.PublishAsync(_topic, i)));
        await dying.Received("/on");

        await proxy.DisposeAsync();
        held.SetResult();

        await Eventually.Holds(() => Taken(other).Distinct().Count() == 20, "every event at the other instance");
    }

    [RabbitMqFact]
    public async Task What_an_instance_is_at_when_it_leaves_it_ends_and_nobody_gets_again()
    {
        var held = new TaskCompletionSource();
        var server = await RabbitMqServer.Shared;
        var leaving = await Start("leaver", _ => new(200, After: held.Task));
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => leaving.Dapr.PublishAsync(_topic, i)));
        await leaving.Received("/on", 20);

        var left = leaving.DisposeAsync();
        await Eventually.Get(async () => (await Queue()).ConsumerCount == 0 ? "" : null, "the end of the subscription");
        held.SetResult();
        await left;

        Assert.Equal(0u, (await Queue()).MessageCount);

        async Task<QueueDeclareOk> Queue()
        {
            var queue = new QueueDeclareOk("", 0, 0);
            await server.Do(async channel => queue = await channel.QueueDeclarePassiveAsync($"leaver-{_topic}"));
            return queue;
        }
    }

    [RabbitMqFact]
    public async Task A_queue_of_other_properties_is_reported_and_holds_up_no_other_subscription()
    {
        var server = await RabbitMqServer.Shared;
        var queue = $"changed-{_topic}";
        await server.Do(channel => channel.QueueDeclareAsync(queue, durable: false, exclusive: false, autoDelete: false));

        var both = $$"""[{"pubsubname":"pubsub","topic":"{{_topic}}","route":"/on"},{"pubsubname":"pubsub","topic":"{{_topic}}-2","route":"/second"}]""";
        await using var test = await TestApp.Start(both, null, await Options("changed"));
        await test.Dapr.PublishAsync($"{_topic}-2", 1);
        await test.Received("/second");

        Assert.Contains($"the queue '{queue}' exists with other properties", Assert.Single(_log.With("does not run")), StringComparison.Ordinal);
        await server.Do(channel => channel.QueueDeleteAsync(queue));
        await Eventually.Get(async () =>
        {
            await test.Dapr.PublishAsync(_topic, 2);
            return test.App.Log.Any(request => request.Path == "/on") ? "" : null;
        }, "an event in the queue as it is to be");
    }

    [RabbitMqFact]
    public async Task An_exchange_of_other_properties_is_reported_to_who_publishes()
    {
        await (await RabbitMqServer.Shared).Do(channel => channel.ExchangeDeclareAsync(_topic, "direct", durable: true));
        await using var test = await Start("direct");

        var refused = await test.Post($"/v1.0/publish/pubsub/{_topic}", "1");

        Assert.Equal(HttpStatusCode.InternalServerError, refused.Status);
        Assert.Contains($"the exchange '{_topic}' exists with other properties", refused.Body, StringComparison.Ordinal);
        Assert.Single(_log.With("does not run"));
        Assert.Equal(HttpStatusCode.NoContent, (await test.Post($"/v1.0/publish/pubsub/{_topic}-2", "1")).Status);
    }

    [RabbitMqFact]
    public async Task A_queue_type_that_there_is_not_is_reported_and_disturbs_nobody()
    {
        var both = $$$"""[{"pubsubname":"pubsub","topic":"{{{_topic}}}","route":"/on","metadata":{"queueType":"fast"}},{"pubsubname":"pubsub","topic":"{{{_topic}}}-2","route":"/second"}]""";
        await using var test = await TestApp.Start(both, null, await Options("typed"));

        await test.Dapr.PublishAsync($"{_topic}-2", 1);

        await test.Received("/second");
        Assert.Contains("allowed are classic and quorum", Assert.Single(_log.With("does not run")), StringComparison.Ordinal);
        Assert.Empty(_log.With("is lost"));
    }

    [RabbitMqTheory]
    [InlineData("guest:nobody-knows@127.0.0.1:{0}", "refuses the user 'guest'")]
    [InlineData("guest:guest@127.0.0.1:{0}/elsewhere", "refuses the virtual host 'elsewhere' to the user 'guest'")]
    public async Task A_RabbitMq_that_refuses_us_is_one_clear_message_at_once(string address, string says)
    {
        var port = (await RabbitMqServer.Shared).Port;

        // It would wait longer than the test does.
        var error = await Assert.ThrowsAsync<ResourceException>(() => Start("refused", null, "amqp://" + string.Format(CultureInfo.InvariantCulture, address, port), initTimeout: "1h"));

        Assert.Contains($"RabbitMQ at 127.0.0.1:{port} {says}", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("nobody-knows", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(":guest@", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_RabbitMq_that_is_not_there_is_one_clear_message()
    {
        var port = Ports.Free();

        var error = await Assert.ThrowsAsync<ResourceException>(() => Start("absent", null, $"amqp://guest:secret@127.0.0.1:{port}", initTimeout: "1s"));

        Assert.Contains($"RabbitMQ at 127.0.0.1:{port}: Connection refused", error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_RabbitMq_that_does_not_answer_is_one_clear_message()
    {
        await using var silent = TcpProxy.Start(1);
        silent.Pause();

        var error = await Assert.ThrowsAsync<ResourceException>(() => Start("silent", null, $"amqp://127.0.0.1:{silent.Port}", initTimeout: "1s"));

        Assert.Contains($"RabbitMQ at 127.0.0.1:{silent.Port} does not answer", error.Message, StringComparison.Ordinal);
    }

    private async Task<TestApp> Start(string appId, Func<Received, Answer>? answer = null, string? address = null, string initTimeout = "5s") =>
        await TestApp.Start($$"""[{"pubsubname":"pubsub","topic":"{{_topic}}","route":"/on"}]""", request => request.Path == "/on" ? answer?.Invoke(request) : null, await Options(appId, address, initTimeout));

    private async Task<EmbeddedSidecarOptions> Options(string appId, string? address = null, string initTimeout = "5s") => new()
    {
        AppId = appId,
        Logs = _log,
        Resources = [RabbitMq.Component(address ?? (await RabbitMqServer.Shared).ConnectionString).WithInitTimeout(initTimeout)],
    };

    private static IEnumerable<int> Taken(TestApp test) =>
        test.App.Log.Where(request => request.Path == "/on").Select(request => JsonDocument.Parse(request.Body).RootElement.GetProperty("data").GetInt32());
}
