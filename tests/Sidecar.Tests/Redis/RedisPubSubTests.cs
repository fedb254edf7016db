using System.Net;
using System.Text.Json;
using Lavka.Sidecar.PubSub.Redis;
using Lavka.Sidecar.Resources;
using Lavka.Sidecar.Testing;
using Lavka.Testing;
using StackExchange.Redis;

namespace Lavka.Sidecar.Tests;

public sealed class RedisPubSubTests : IAsyncLifetime
{
    private readonly string _topic = RedisComponents.NewName();
    private readonly LogLines _log = new();
    private RedisServer _server = null!;

    public async Task InitializeAsync() => _server = RedisServer.WhatIsMissing is null ? await RedisServer.Shared : null!;

    public Task DisposeAsync() => Task.CompletedTask;

    [RedisFact]
    public async Task An_event_is_kept_as_daprd_keeps_it_and_acknowledged_when_the_app_has_it()
    {
        await using var test = await Start("keeper");

        await test.Post($"/v1.0/publish/pubsub/{_topic}?metadata.partitionKey=p1&metadata.ttlInSeconds=60", """{"a":1}""");
        var received = (await test.Received("/on"))[0];

        var entry = ((RedisResult[])(await _server.Do("XRANGE", _topic, "-", "+"))!).Single();
        var fields = ((string[])entry[1]!).Chunk(2).ToDictionary(pair => pair[0], pair => pair[1]);
        Assert.Equal(["data", "metadata"], fields.Keys.Order());
        Assert.Equal(_topic, JsonDocument.Parse(fields["data"]).RootElement.GetProperty("topic").GetString());
        Assert.Equal("""{"partitionKey":"p1","ttlInSeconds":"60"}""", fields["metadata"]);
        Assert.Equal(("p1", "60"), (received.Headers["partitionkey"], received.Headers["ttlinseconds"]));
        await Eventually.Get(async () => await Pending("keeper") == 0 ? "" : null, "the acknowledgement");
        Assert.Equal("keeper", (string?)((RedisResult[])(await _server.Do("XINFO", "CONSUMERS", _topic, "keeper"))!).Single()[1]);
    }

    [RedisFact]
    public async Task What_daprd_has_published_before_a_group_was_there_it_gets()
    {
        await Add("""{"data":7,"id":"i","source":"s","specversion":"1.0","type":"t"}""", "metadata", """{"colour":"red"}""");
        await Add("""{"data":8,"id":"j","source":"s","specversion":"1.0","type":"t"}""");
        await Add("""{"data":9,"id":"k","source":"s","specversion":"1.0","type":"t"}""", "metadata", "not JSON");

        await using var test = await Start("late");
        var received = await test.Received("/on", 3);

        Assert.Equal([7, 8, 9], received.Select(Data).Order());
        Assert.Equal("red", received.Single(request => Data(request) == 7).Headers["colour"]);
        Assert.Single(_log.With("does not read"));
    }

    [RedisFact]
    public async Task An_event_that_has_failed_for_good_is_acknowledged_as_daprd_does_and_the_log_tells()
    {
        await using var test = await Start("failing", _ => new(500));

        await test.Dapr.PublishAsync(_topic, 1);
        await test.Received("/on");

        await Eventually.Get(async () => await Pending("failing") == 0 ? "" : null, "the acknowledgement");
        Assert.Single(_log.With("has failed and does not come again"));
        Assert.Single(test.App.Log, request => request.Path == "/on");
    }

    [RedisFact]
    public async Task Two_instances_share_a_stream()
    {
        static Answer TakesItsTime(Received request) => new(200, Delay: TimeSpan.FromMilliseconds(10));
        await using var one = await Start("shared", TakesItsTime, ("queueDepth", "10"));
        await using var other = await Start("shared", TakesItsTime, ("queueDepth", "10"));

        await Task.WhenAll(Enumerable.Range(0, 400).Select(i => one.Dapr.PublishAsync(_topic, i)));

        await Eventually.Holds(() => Taken(one).Concat(Taken(other)).Distinct().Count() == 400, "every event");
        Assert.NotEmpty(Taken(one));
        Assert.NotEmpty(Taken(other));
        Assert.Equal(400, Taken(one).Concat(Taken(other)).Count());
    }

    [RedisFact]
    public async Task What_an_instance_had_not_acknowledged_when_it_was_cut_off_another_gets()
    {
        var held = new TaskCompletionSource();
        await using var proxy = TcpProxy.Start(_server.Port);
        await using var dying = await Start("heir", _ => new(200, After: held.Task), ("redisHost", $"127.0.0.1:{proxy.Port}"), ("processingTimeout", "1s"), ("redeliverInterval", "0"));
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => dying.Dapr.PublishAsync(_topic, i)));
        await dying.Received("/on", 10);

        await proxy.DisposeAsync();
        await using var other = await Start("heir", null, ("processingTimeout", "1s"), ("redeliverInterval", "200ms"));

        await Eventually.Holds(() => Taken(other).Distinct().Count() == 20, "every event at the other instance");
        held.SetResult();
        Assert.Equal(0, await Pending("heir"));
    }

    [RedisFact]
    public async Task What_an_instance_is_at_when_it_leaves_it_ends_and_what_it_has_not_begun_another_gets_at_once()
    {
        var held = new TaskCompletionSource();
        var leaving = await Start("leaver", _ => new(200, After: held.Task), ("concurrency", "3"), ("processingTimeout", "1h"));
        await Task.WhenAll(Enumerable.Range(0, 20).Select(i => leaving.Dapr.PublishAsync(_topic, i)));
        await leaving.Received("/on", 3);
        await Eventually.Get(async () => await Pending("leaver") == 20 ? "" : null, "all to be read");

        var left = leaving.DisposeAsync();
        held.SetResult();
        await left;
        await using var other = await Start("leaver", null, ("processingTimeout", "1h"));

        await Eventually.Holds(() => Taken(leaving).Concat(Taken(other)).Distinct().Count() == 20, "every event");
        Assert.Equal(20, Taken(leaving).Concat(Taken(other)).Count());
        Assert.Equal(0, await Pending("leaver"));
    }

    [RedisFact]
    public async Task An_app_that_takes_longer_than_the_processingTimeout_is_not_told_twice_by_the_same_sidecar()
    {
        var held = new TaskCompletionSource();
        await using var test = await Start("slow", request => new(200, After: Data(request) == 1 ? held.Task : null), ("processingTimeout", "250ms"), ("redeliverInterval", "10ms"));
        await test.Dapr.PublishAsync(_topic, 1);
        await test.Received("/on");

        // What another member holds is taken over as ever: when that has come, several looks have been taken.
        await Add("""{"data":2,"id":"i","source":"s","specversion":"1.0","type":"t"}""");
        await test.Received("/on", 2);
        await Take("""{"data":3,"id":"j","source":"s","specversion":"1.0","type":"t"}""");
        await test.Received("/on", 3);
        held.SetResult();

        await Eventually.Get(async () => await Pending("slow") == 0 ? "" : null, "the acknowledgements");
        Assert.Equal([1, 2, 3], Taken(test).Order());

        // Read past the sidecar in one step, so that it cannot come first.
        Task Take(string data) => _server.Do("EVAL", "redis.call('XADD', KEYS[1], '*', 'data', ARGV[1]); return redis.call('XREADGROUP', 'GROUP', 'slow', 'another', 'STREAMS', KEYS[1], '>')", 1, _topic, data);
    }

    [RedisTheory]
    [InlineData("processingTimeout")]
    [InlineData("redeliverInterval")]
    public async Task With_a_zero_nothing_is_taken_over(string field)
    {
        await _server.Do("XGROUP", "CREATE", _topic, "never", "0", "MKSTREAM");
        await Add("""{"data":1,"id":"i","source":"s","specversion":"1.0","type":"t"}""");
        await _server.Do("XREADGROUP", "GROUP", "never", "another", "STREAMS", _topic, ">");
        (string, string)[] fields = [("processingTimeout", "1ms"), ("redeliverInterval", "1ms")];

        await using var test = await Start("never", null, [.. fields.Where(pair => pair.Item1 != field), (field, "0")]);
        await test.Dapr.PublishAsync(_topic, 2);
        await test.Received("/on");

        await Eventually.Get(async () => await Pending("never") == 1 ? "" : null, "what another one has to be all that is pending");
        Assert.Equal([2], Taken(test));
    }

    [RedisFact]
    public async Task What_is_not_in_the_stream_any_more_is_forgotten()
    {
        await _server.Do("XGROUP", "CREATE", _topic, "forgetful", "0", "MKSTREAM");
        var gone = await Add("x");
        await Add("""{"data":1,"id":"i","source":"s","specversion":"1.0","type":"t"}""");
        await _server.Do("XREADGROUP", "GROUP", "forgetful", "another", "STREAMS", _topic, ">");
        await _server.Do("XDEL", _topic, gone);

        await using var test = await Start("forgetful", null, ("processingTimeout", "1ms"));

        await test.Received("/on");
        await Eventually.Get(async () => await Pending("forgetful") == 0 ? "" : null, "nothing to be pending");
    }

    [RedisFact]
    public async Task Of_very_many_pending_messages_none_is_passed_over()
    {
        await _server.Do("XGROUP", "CREATE", _topic, "many", "0", "MKSTREAM");
        await _server.Do("EVAL", "for i = 1, 500 do redis.call('XADD', KEYS[1], '*', 'data', '{\"data\":' .. i .. ',\"id\":\"' .. i .. '\",\"source\":\"s\",\"specversion\":\"1.0\",\"type\":\"t\"}') end", 1, _topic);
        await _server.Do("XREADGROUP", "GROUP", "many", "another", "STREAMS", _topic, ">");

        await using var test = await Start("many", null, ("processingTimeout", "1ms"), ("queueDepth", "7"));

        await Eventually.Get(async () => await Pending("many") == 0 ? "" : null, "nothing to be pending");
        Assert.Equal(Enumerable.Range(1, 500), Taken(test).Order());
    }

    [RedisFact]
    public async Task Not_more_messages_are_worked_on_than_concurrency_says_of_all_topics_together()
    {
        var (now, most) = (0, 0);
        var both = $$"""[{"pubsubname":"pubsub","topic":"{{_topic}}","route":"/on"},{"pubsubname":"pubsub","topic":"{{_topic}}-2","route":"/on"}]""";
        await using var test = await TestApp.Start(both, request =>
        {
            var there = Interlocked.Increment(ref now);
            InterlockedMax(ref most, there);
            return new(200, After: Task.Delay(5).ContinueWith(_ => Interlocked.Decrement(ref now), TaskScheduler.Default));
        }, Options("bounded", ("concurrency", "4")));

        await Task.WhenAll(Enumerable.Range(0, 100).Select(i => test.Dapr.PublishAsync(i % 2 == 0 ? _topic : $"{_topic}-2", i)));
        await test.Received("/on", 100);

        Assert.Equal(4, most);
    }

    [RedisFact]
    public async Task A_stream_is_cut_off_as_the_component_says()
    {
        await using var counted = await Start("counted", null, ("maxLenApprox", "100"));
        await Task.WhenAll(Enumerable.Range(0, 1000).Select(i => counted.Dapr.PublishAsync(_topic, i)));
        Assert.InRange((long)await _server.Do("XLEN", _topic), 100, 300);

        var topic = RedisComponents.NewName();
        await _server.Do("EVAL", "for i = 1, 1000 do redis.call('XADD', KEYS[1], i .. '-0', 'data', 'old') end", 1, topic);
        await using var timed = await Start("timed", null, ("streamTTL", "1h"));
        await timed.Dapr.PublishAsync(topic, 1);
        Assert.InRange((long)await _server.Do("XLEN", topic), 1, 200);

        await using var both = await Start("both", null, ("streamTTL", "1h"), ("maxLenApprox", "100"));
        Assert.Single(_log.With("maxLenApprox it is"));
    }

    [RedisFact]
    public async Task A_group_that_is_gone_is_made_again()
    {
        await using var test = await Start("undone");
        await test.Dapr.PublishAsync(_topic, 1);
        await test.Received("/on");

        await _server.Do("DEL", _topic);
        await test.Dapr.PublishAsync(_topic, 2);

        await Eventually.Holds(() => Taken(test).Contains(2), "an event in the new stream");
        Assert.NotEmpty(_log.With("is gone"));
    }

    [RedisFact]
    public async Task A_key_that_is_no_stream_is_reported_once_and_holds_up_no_other_subscription()
    {
        await _server.Do("SET", _topic, "text");
        var both = $$"""[{"pubsubname":"pubsub","topic":"{{_topic}}","route":"/on"},{"pubsubname":"pubsub","topic":"{{_topic}}-2","route":"/second"}]""";
        await using var test = await TestApp.Start(both, null, Options("mistyped"));

        await test.Dapr.PublishAsync($"{_topic}-2", 1);
        await test.Received("/second");
        var refused = await test.Post($"/v1.0/publish/pubsub/{_topic}", "1");

        Assert.Equal(HttpStatusCode.InternalServerError, refused.Status);
        Assert.Contains("WRONGTYPE", refused.Body, StringComparison.Ordinal);
        Assert.Contains("WRONGTYPE", Assert.Single(_log.With("does not run")), StringComparison.Ordinal);
        await _server.Do("DEL", _topic);
        await test.Dapr.PublishAsync(_topic, 2);
        await test.Received("/on");
    }

    [RedisFact]
    public async Task It_tells_how_far_a_group_is_behind()
    {
        var held = new TaskCompletionSource();
        await using var test = await Start("behind", _ => new(200, After: held.Task), ("concurrency", "1"), ("queueDepth", "2"));
        await Task.WhenAll(Enumerable.Range(0, 10).Select(i => test.Dapr.PublishAsync(_topic, i)));

        Assert.Contains("\"waiting\":10", await Topics(), StringComparison.Ordinal);
        held.SetResult();
        await Eventually.Get(async () => (await Topics()).Contains("\"waiting\":0", StringComparison.Ordinal) ? "" : null, "the group to have caught up");
        Assert.Contains("\"kept\":10", await Topics(), StringComparison.Ordinal);

        async Task<string> Topics() => (await test.Get("/embedded/v1/topics")).Body;
    }

    [RedisTheory]
    [InlineData("processingTimeout", "soon")]
    [InlineData("processingTimeout", "-1")]
    [InlineData("redeliverInterval", "often")]
    [InlineData("queueDepth", "0")]
    [InlineData("concurrency", "0")]
    [InlineData("concurrency", "many")]
    [InlineData("maxLenApprox", "-1")]
    [InlineData("streamTTL", "30d")]
    public void A_field_that_cannot_be_used_is_refused_by_its_name(string field, string value) => Assert.Contains($"'{field}' of pubsub.redis is '{value}'; allowed is",
        Assert.Throws<ResourceException>(() => RedisPubSubOptions.From(RedisComponents.Metadata("pubsub.redis", ("redisHost", "h"), (field, value)))).Message, StringComparison.Ordinal);

    [Fact]
    public void The_defaults_are_those_of_daprds_code()
    {
        var options = RedisPubSubOptions.From(RedisComponents.Metadata("pubsub.redis", ("redisHost", "h")));
        var given = RedisPubSubOptions.From(RedisComponents.Metadata("pubsub.redis", ("redisHost", "h"), ("processingTimeout", "5000"), ("redeliverInterval", "2s"), ("streamTTL", "168h")));

        Assert.Equal((60, 15, 100, 10, 0, 0), (options.ProcessingTimeout.TotalSeconds, options.RedeliverInterval.TotalSeconds, options.QueueDepth, options.Concurrency, options.MaxLenApprox, options.StreamTtl.Ticks));
        Assert.Equal((5, 2, 7), (given.ProcessingTimeout.TotalSeconds, given.RedeliverInterval.TotalSeconds, given.StreamTtl.TotalDays));
    }

    private static void InterlockedMax(ref int target, int value)
    {
        for (var current = target; value > current; current = target)
        {
            Interlocked.CompareExchange(ref target, value, current);
        }
    }

    private Task<TestApp> Start(string appId, Func<Received, Answer>? answer = null, params (string Name, string Value)[] fields) => TestApp.Start(
        $$"""[{"pubsubname":"pubsub","topic":"{{_topic}}","route":"/on"}]""", request => request.Path == "/on" ? answer?.Invoke(request) : null, Options(appId, fields));

    private EmbeddedSidecarOptions Options(string appId, params (string Name, string Value)[] fields) => new()
    {
        AppId = appId,
        Logs = _log,
        Resources = [TestApp.Component("pubsub", "pubsub.redis", [.. fields.Append(("redisHost", _server.Address)).DistinctBy(field => field.Item1)])],
    };

    private async Task<string> Add(string data, params string[] more) => (string)(await _server.Do("XADD", [_topic, "*", "data", data, .. more]))!;

    private async Task<long> Pending(string group) => (long)((RedisResult[])(await _server.Do("XPENDING", _topic, group))!)[0];

    private static int Data(Received request) => JsonDocument.Parse(request.Body).RootElement.GetProperty("data").GetInt32();

    private static IEnumerable<int> Taken(TestApp test) => test.App.Log.Where(request => request.Path == "/on").Select(Data);
}
