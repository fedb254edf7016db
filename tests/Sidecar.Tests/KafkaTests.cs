using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Text.Json;
using Lavka.Sidecar.Resources;
using Lavka.Sidecar.Testing;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

public sealed class KafkaTests
{
    private const int Keys = 8;

    // Instances that come and go cost a rebalance each.
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly string _topic = Kafka.NewTopic();

    // Consumer groups of one test are nobody else's.
    private readonly string _group = Guid.NewGuid().ToString("N")[..8];

    [Fact]
    public async Task Events_of_one_key_arrive_in_their_order_while_others_overtake_them()
    {
        await using var test = await Start("order");

        await Task.WhenAll(Enumerable.Range(0, Keys).Select(async key =>
        {
            for (var i = 0; i < 25; i++)
            {
                await Publish(test, $"{key}:{i}", $"key-{key}");
            }
        }));

        var received = await test.Received("/on", 200);
        foreach (var key in received.Select(Data).Select(text => text.Split(':')).GroupBy(parts => parts[0], parts => int.Parse(parts[1], CultureInfo.InvariantCulture)))
        {
            Assert.Equal(Enumerable.Range(0, 25), key);
        }
    }

    [Fact]
    public async Task What_the_message_was_in_Kafka_comes_along_as_headers()
    {
        await using var test = await Start("headers");

        var sent = await test.Post($"/v1.0/publish/pubsub/{_topic}?metadata.partitionKey=k&metadata.colour=blue%20green", "1");

        Assert.Equal(HttpStatusCode.NoContent, sent.Status);
        var received = (await test.Received("/on")).Single();
        Assert.Equal("k", received.Headers["__key"]);
        Assert.Equal("k", received.Headers["partitionkey"]);
        Assert.Equal("blue green", received.Headers["colour"]);
        Assert.Equal(_topic, received.Headers["__topic"]);
        Assert.Equal("0", received.Headers["__offset"]);
    }

    [Fact]
    public async Task Headers_are_escaped_and_left_out_as_the_component_says()
    {
        await using var test = await Start("escaped", fields: [("escapeHeaders", "true"), ("excludeHeaderMetaRegex", "^hidden")]);

        await test.Post($"/v1.0/publish/pubsub/{_topic}?metadata.colour=blue%20green&metadata.hiddenOne=1", "1");

        var received = (await test.Received("/on")).Single();
        Assert.Equal("blue+green", received.Headers["colour"]);
        Assert.False(received.Headers.ContainsKey("hiddenOne"));
    }

    [Fact]
    public async Task An_event_that_the_app_does_not_take_comes_again_before_the_next_of_its_partition()
    {
        var tries = 0;
        await using var test = await Start("retried", answer: request => Data(request) == "a" && Interlocked.Increment(ref tries) < 3 ? 500 : 200);

        await Publish(test, "a", "k");
        await Publish(test, "b", "k");

        Assert.Equal(["a", "a", "a", "b"], (await test.Received("/on", 4)).Select(Data));
    }

    [Fact]
    public async Task Without_retries_an_event_that_is_not_taken_is_passed_over()
    {
        await using var test = await Start("careless", answer: request => Data(request) == "a" ? 500 : 200, fields: ("consumeRetryEnabled", "false"));

        await Publish(test, "a", "k");
        await Publish(test, "b", "k");

        Assert.Equal(["a", "b"], (await test.Received("/on", 2)).Select(Data));
    }

    [Fact]
    public async Task A_group_goes_on_where_it_stopped_and_a_new_one_reads_the_past_if_it_is_to()
    {
        await using (var first = await Start("a"))
        {
            await Publish(first, "1", "k");
            await first.Received("/on");
        }

        await using var again = await Start("a");
        await using var newcomer = await Start("b");
        await Publish(again, "2", "k");

        Assert.Equal(["1", "2"], (await newcomer.Received("/on", 2)).Select(Data));
        Assert.Equal(["2"], (await again.Received("/on")).Select(Data));
    }

    [Fact]
    public async Task A_new_group_starts_with_what_is_published_next_by_default()
    {
        await using (var publisher = await Start("p", initialOffset: null))
        {
            await Publish(publisher, "past", "k");
        }

        await using var newcomer = await Start("n", initialOffset: null);
        await Publish(newcomer, "next", "k");

        Assert.Equal(["next"], (await newcomer.Received("/on")).Select(Data));
    }

    [Fact]
    public async Task What_a_new_group_had_not_taken_when_its_only_member_left_waits_for_the_next_one()
    {
        await using (var failing = await Start("f", answer: _ => 500, initialOffset: null))
        {
            await Publish(failing, "kept", "k");
            await failing.Received("/on");
        }

        await using var next = await Start("f", initialOffset: null);

        Assert.Equal(["kept"], (await next.Received("/on")).Select(Data));
    }

    [Fact]
    public async Task Two_instances_share_the_partitions_and_lose_nothing_while_one_comes_and_goes()
    {
        // By key, in the order taken; an instance that leaves may have taken what another is then given again.
        var taken = new ConcurrentQueue<(string Key, int Number)>();
        int Take(Received request)
        {
            var parts = Data(request).Split(':');
            taken.Enqueue((parts[0], int.Parse(parts[1], CultureInfo.InvariantCulture)));
            return 200;
        }

        await using var first = await Start("shared", answer: Take);
        var hasLeft = false;
        var publishing = Task.WhenAll(Enumerable.Range(0, Keys).Select(async key =>
        {
            var i = 0;
            for (; !hasLeft; i++)
            {
                await Publish(first, $"{key}:{i}", $"key-{key}");
                await Task.Delay(20);
            }

            return i;
        }));
        await using (var second = await Start("shared", answer: Take))
        {
            await second.Received("/on", 20);
        }

        hasLeft = true;
        var published = await publishing;
        await Eventually.Holds(() => taken.Distinct().Count() == published.Sum(), "every event to be taken", Patience);
        foreach (var key in taken.GroupBy(one => one.Key, one => one.Number))
        {
            // Each for the first time in order.
            Assert.Equal(Enumerable.Range(0, published[int.Parse(key.Key, CultureInfo.InvariantCulture)]), key.Distinct());
        }
    }

    [Fact]
    public async Task A_backlog_beyond_the_buffer_is_taken_whole_while_instances_come_and_go()
    {
        var taken = new ConcurrentDictionary<string, bool>();
        Answer Take(Received request)
        {
            taken[Data(request)] = true;
            return new(200, Delay: TimeSpan.FromMilliseconds(30));
        }

        var fields = new[] { ("channelBufferSize", "32") };
        await using var first = await StartAnswering("backlog", Take, fields);
        await Task.WhenAll(Enumerable.Range(0, Keys).Select(async key =>
        {
            for (var i = 0; i < 60; i++)
            {
                await Publish(first, $"{key}:{i}", $"key-{key}");
            }
        }));
        for (var i = 0; i < 2; i++)
        {
            await using var second = await StartAnswering("backlog", Take, fields);
            await Eventually.Holds(() => taken.Count == 480 || second.App.Log.Any(request => request.Path == "/on"), "the second instance to have its share", Patience);
        }

        await Eventually.Holds(() => taken.Count == 480, "every event to be taken", Patience);
    }

    [Fact]
    public async Task Subscriptions_that_end_while_the_app_fails_lose_nothing_and_end_nothing_else()
    {
        for (var i = 0; i < 3; i++)
        {
            await using var failing = await Start("failing", answer: _ => 500, fields: ("consumeRetryInterval", "1ms"));
            for (var key = 0; key < Keys; key++)
            {
                await Publish(failing, $"{i}:{key}", $"key-{key}");
            }

            await failing.Received("/on");
        }

        await using var well = await Start("failing");

        await Eventually.Holds(() => well.App.Log.Where(request => request.Path == "/on").Select(Data).Distinct().Count() == 24, "every event");
    }

    [Fact]
    public async Task Instances_that_rebalance_cooperatively_lose_nothing()
    {
        var sticky = ("consumerGroupRebalanceStrategy", "sticky");
        var taken = new ConcurrentDictionary<string, bool>();
        Answer Take(Received request)
        {
            taken[Data(request)] = true;
            return new(200);
        }

        await using var first = await StartAnswering("sticky", Take, sticky);
        var published = 0;
        await using (var second = await StartAnswering("sticky", Take, sticky))
        {
            await Eventually.Get(async () =>
            {
                await Publish(first, $"{published}", $"key-{published++ % Keys}");
                return second.App.Log.Any(request => request.Path == "/on") ? "" : null;
            }, "the second instance to have its share", Patience);
        }

        await Eventually.Holds(() => taken.Count == published, "every event to be taken", Patience);
    }

    [Fact]
    public async Task A_bulk_subscription_gathers_the_events_of_a_partition()
    {
        var bulk = $$$"""[{"pubsubname":"pubsub","topic":"{{{_topic}}}","route":"/bulk","bulkSubscribe":{"enabled":true,"maxMessagesCount":10,"maxAwaitDurationMs":200}}]""";
        await using var test = await TestApp.Start(bulk, Statuses, Options("bulk", "oldest", []));

        for (var i = 0; i < 20; i++)
        {
            await Publish(test, i.ToString(CultureInfo.InvariantCulture), "k");
        }

        await Eventually.Holds(() => Entries(test).Distinct().Count() == 20, "20 entries");
        Assert.Equal(Enumerable.Range(0, 20), Entries(test).Order());
        Assert.True(test.App.Log.Count(request => request.Path == "/bulk") < 20);

        static IEnumerable<int> Entries(TestApp test) => test.App.Log.Where(request => request.Path == "/bulk").SelectMany(request =>
            JsonDocument.Parse(request.Body).RootElement.GetProperty("entries").EnumerateArray().Select(entry => int.Parse(entry.GetProperty("event").GetProperty("data").GetString()!, CultureInfo.InvariantCulture)));
    }

    [Fact]
    public async Task While_the_brokers_are_away_publishing_fails_clearly_and_afterwards_all_goes_on()
    {
        using var cluster = new KafkaMockCluster(rebalanceDelay: TimeSpan.FromMilliseconds(100));
        cluster.CreateTopic(_topic, 2);
        await using var test = await Start("outage", brokers: cluster.BootstrapServers);
        await Publish(test, "before", "k");
        await test.Received("/on");

        cluster.Stop();
        var refused = await test.Post($"/v1.0/publish/pubsub/{_topic}?metadata.partitionKey=k", "\"during\"");
        cluster.Resume();
        await Publish(test, "after", "k");

        Assert.Equal(HttpStatusCode.InternalServerError, refused.Status);
        Assert.Contains("ERR_PUBSUB_PUBLISH_MESSAGE", refused.Body, StringComparison.Ordinal);
        Assert.Contains("kafka: ", refused.Body, StringComparison.Ordinal);
        await Eventually.Holds(() => test.App.Log.Any(request => request.Path == "/on" && Data(request) == "after"), "the event published afterwards");
    }

    [Fact]
    public async Task Nothing_that_was_confirmed_is_lost_when_the_brokers_go_five_times_under_load_and_the_order_of_a_key_is_kept()
    {
        using var cluster = new KafkaMockCluster(rebalanceDelay: TimeSpan.FromMilliseconds(100));
        cluster.CreateTopic(_topic, 2);
        await using var test = await Start("crashes", brokers: cluster.BootstrapServers);
        var confirmed = new ConcurrentBag<string>();
        using var stop = new CancellationTokenSource();
        var load = Task.WhenAll(Enumerable.Range(0, 4).Select(key => Task.Run(async () =>
        {
            for (var i = 0; !stop.IsCancellationRequested;)
            {
                // What failed may have arrived nevertheless: it is published again before the next of its key.
                if (await test.Post($"/v1.0/publish/pubsub/{_topic}?metadata.partitionKey=key-{key}", $"\"{key}:{i}\"") is (HttpStatusCode.NoContent, _))
                {
                    confirmed.Add($"{key}:{i++}");
                }
            }
        })));

        for (var crash = 0; crash < 5; crash++)
        {
            await Some();
            cluster.Stop();
            await Task.Delay(TimeSpan.FromMilliseconds(500));
            cluster.Resume();
        }

        await Some();
        await stop.CancelAsync();
        await load;

        await Eventually.Holds(() => confirmed.ToHashSet().IsSubsetOf(Taken()), "every confirmed event", Patience);
        Assert.All(Taken().Distinct().Select(text => text.Split(':')).GroupBy(parts => parts[0], parts => int.Parse(parts[1], CultureInfo.InvariantCulture)), key => Assert.Equal(key.Order(), key));

        IEnumerable<string> Taken() => test.App.Log.Where(request => request.Path == "/on").Select(Data);

        Task Some()
        {
            var before = confirmed.Count;
            return Eventually.Holds(() => confirmed.Count > before + 100, "some load", Patience);
        }
    }

    [Fact]
    public async Task Brokers_that_are_not_there_at_the_start_are_one_clear_message()
    {
        var error = await Assert.ThrowsAsync<ResourceException>(() => Start("absent", brokers: $"127.0.0.1:{Ports.Free()}"));

        Assert.Contains("Kafka at 127.0.0.1:", error.Message, StringComparison.Ordinal);
        Assert.Contains("refused", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("authType", null, "'authType' of pubsub.kafka is required")]
    [InlineData("authType", "kerberos", "none, password, oidc, mtls or certificate")]
    [InlineData("authType", "password", "'saslUsername' of pubsub.kafka is required")]
    [InlineData("initialOffset", "middle", "one of newest, oldest")]
    [InlineData("compression", "zip", "one of none, gzip, snappy, lz4, zstd")]
    [InlineData("schemaRegistryURL", "http://localhost", "schema registries")]
    [InlineData("excludeHeaderMetaRegex", "(", "a regular expression")]
    public async Task A_wrong_field_is_named(string field, string? value, string says)
    {
        var error = await Assert.ThrowsAsync<ResourceException>(() => Start("wrong", initialOffset: null, brokers: "127.0.0.1:1", fields: (field, value!)));

        Assert.Contains(says, error.Message, StringComparison.Ordinal);
    }

    private Task<TestApp> StartAnswering(string appId, Func<Received, Answer> answer, params (string Name, string Value)[] fields) =>
        TestApp.Start($$"""[{"pubsubname":"pubsub","topic":"{{_topic}}","route":"/on"}]""", request => request.Path == "/on" ? answer(request) : null, Options(appId, "oldest", fields));

    private Task<TestApp> Start(string appId, Func<Received, int>? answer = null, string? initialOffset = "oldest", string? brokers = null, params (string Name, string Value)[] fields) =>
        TestApp.Start($$"""[{"pubsubname":"pubsub","topic":"{{_topic}}","route":"/on"}]""", request => new(request.Path == "/on" ? answer?.Invoke(request) ?? 200 : 200), Options(appId, initialOffset, fields, brokers));

    private EmbeddedSidecarOptions Options(string appId, string? initialOffset, (string Name, string Value)[] fields, string? brokers = null)
    {
        var all = new Dictionary<string, string?> { ["consumeRetryInterval"] = "50ms", ["initialOffset"] = initialOffset };
        foreach (var (name, value) in Kafka.Fields(brokers).Concat(fields))
        {
            all[name] = value;
        }

        return new()
        {
            AppId = $"{appId}-{_group}",
            Resources = [TestApp.Component("pubsub", "pubsub.kafka", [.. all.Where(field => field.Value is not null).Select(field => (field.Key, field.Value!))]), NoRetries],
        };
    }

    // Built-in retries would hide the component's own.
    private const string NoRetries = """
        apiVersion: dapr.io/v1alpha1
        kind: Resiliency
        metadata:
          name: none
        spec:
          policies:
            retries:
              none: { policy: constant, maxRetries: 0 }
          targets:
            components:
              pubsub: { inbound: { retry: none }, outbound: { retry: none } }
        """;

    private async Task Publish(TestApp test, string data, string key) =>
        Assert.Equal(HttpStatusCode.NoContent, (await test.Post($"/v1.0/publish/pubsub/{_topic}?metadata.partitionKey={key}", $"\"{data}\"")).Status);

    private static string Data(Received request) => JsonDocument.Parse(request.Body).RootElement.GetProperty("data").GetString()!;

    private static Answer? Statuses(Received request) => request.Path != "/bulk" ? null : Answer.Json(JsonSerializer.Serialize(new
    {
        statuses = JsonDocument.Parse(request.Body).RootElement.GetProperty("entries").EnumerateArray().Select(entry => new { entryId = entry.GetProperty("entryId").GetString(), status = "SUCCESS" }),
    }));
}
