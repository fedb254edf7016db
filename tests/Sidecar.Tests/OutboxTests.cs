using System.Net;
using System.Text;
using System.Text.Json;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

public sealed class OutboxTests
{
    private const string Subscriptions = """[{"pubsubname":"pubsub","topic":"orders","route":"/on"}]""";

    [Fact]
    public async Task What_a_transaction_saves_is_published()
    {
        await using var test = await Start();

        var answer = await Transact(test, """{"operation":"upsert","request":{"key":"a","value":{"n":1},"metadata":{"contentType":"application/json","type":"order.created"}}}""", """{"operation":"delete","request":{"key":"b"}}""");

        Assert.Equal(HttpStatusCode.NoContent, answer.Status);
        var envelope = JsonDocument.Parse((await test.Received("/on"))[0].Body).RootElement;
        Assert.Equal(("order.created", 1), (envelope.GetProperty("type").GetString(), envelope.GetProperty("data").GetProperty("n").GetInt32()));
        Assert.Equal("""{"n":1}""", (await test.Get("/v1.0/state/state/a")).Body);
    }

    [Fact]
    public async Task What_a_transaction_does_not_save_is_not_published()
    {
        await using var test = await Start(("outboxDiscardWhenMissingState", "true"));

        var answer = await Transact(test, """{"operation":"upsert","request":{"key":"a","value":1,"etag":"other"}}""");
        test.Dapr.Clock.Advance(TimeSpan.FromSeconds(30));
        await Transact(test, """{"operation":"upsert","request":{"key":"b","value":2}}""");

        Assert.Equal(HttpStatusCode.InternalServerError, answer.Status);
        Assert.Contains("\"data\":\"2\"", (await test.Received("/on"))[0].Text, StringComparison.Ordinal);
        Assert.Single(test.App.Log, request => request.Path == "/on");
    }

    [Fact]
    public async Task A_transaction_that_failed_does_not_hold_up_the_next()
    {
        await using var test = await Start();
        await Transact(test, """{"operation":"upsert","request":{"key":"a","value":1,"etag":"other"}}""");

        await Transact(test, """{"operation":"upsert","request":{"key":"b","value":2}}""");

        // The log has one partition: what is put off must leave its place.
        await Eventually.Holds(() =>
        {
            test.Dapr.Clock.Advance(TimeSpan.FromSeconds(1));
            return test.App.Log.Any(request => request.Path == "/on");
        }, "the event of the second");
        Assert.Contains("\"data\":\"2\"", (await test.Received("/on"))[0].Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_projection_is_published_instead_of_what_is_saved()
    {
        await using var test = await Start();

        await Transact(test,
            """{"operation":"upsert","request":{"key":"a","value":{"secret":1},"metadata":{"contentType":"application/json"}}}""",
            """{"operation":"upsert","request":{"key":"a","value":{"shown":2},"metadata":{"outbox.projection":"true","contentType":"application/json"}}}""");

        Assert.Equal("""{"shown":2}""", JsonDocument.Parse((await test.Received("/on"))[0].Body).RootElement.GetProperty("data").GetRawText());
        Assert.Equal("""{"secret":1}""", (await test.Get("/v1.0/state/state/a")).Body);
    }

    [Theory]
    [InlineData("application/octet-stream", "{bad", "data_base64", "\"e2JhZA==\"")]
    [InlineData("application/json", "{bad", "data", "\"{bad\"")]
    [InlineData("application/json; charset=utf-8", "{\"n\":1}", "data", "{\"n\":1}")]
    [InlineData("text/plain", "{\"n\":1}", "data", "\"{\\\"n\\\":1}\"")]
    public async Task Bytes_that_a_transaction_saves_are_published_as_their_content_type_says(string contentType, string value, string member, string expected)
    {
        await using var test = await Start();
        using var dapr = new Dapr.Client.DaprClientBuilder().UseGrpcEndpoint(test.Dapr.GrpcEndpoint.ToString()).Build();

        await dapr.ExecuteStateTransactionAsync("state", [new("a", Encoding.UTF8.GetBytes(value), Dapr.Client.StateOperationType.Upsert, metadata: new Dictionary<string, string> { ["contentType"] = contentType })]);

        Assert.Equal(expected, JsonDocument.Parse((await test.Received("/on"))[0].Body).RootElement.GetProperty(member).GetRawText());
    }

    [Fact]
    public async Task An_event_of_the_outbox_belongs_to_the_trace_of_its_transaction()
    {
        const string trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        await using var test = await Start();
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1.0/state/state/transaction") { Content = new StringContent("""{"operations":[{"operation":"upsert","request":{"key":"a","value":1}}]}""") };
        request.Headers.Add("traceparent", trace);

        using var answer = await test.Dapr.Http.SendAsync(request);

        Assert.Equal(trace, JsonDocument.Parse((await test.Received("/on"))[0].Body).RootElement.GetProperty("traceid").GetString());
    }

    [Fact]
    public async Task Without_its_broker_a_transaction_is_refused_and_saves_nothing()
    {
        await using var test = await Start();
        test.Dapr.Broker.TakeAway();

        var answer = await Transact(test, """{"operation":"upsert","request":{"key":"a","value":1}}""");

        Assert.Equal(HttpStatusCode.InternalServerError, answer.Status);
        Assert.Contains("ERR_PUBLISH_OUTBOX", answer.Body, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.NoContent, (await test.Get("/v1.0/state/state/a")).Status);
    }

    private static Task<TestApp> Start(params (string, string)[] more) => TestApp.Start(Subscriptions, options: new()
    {
        Resources =
        [
            TestApp.Component("pubsub", "pubsub.embedded", ("path", "log.db"), ("partitions", "1")),
            TestApp.Component("state", "state.sqlite", [("connectionString", "state.db"), ("outboxPublishPubsub", "pubsub"), ("outboxPublishTopic", "orders"), .. more]),
        ],
    });

    private static Task<(HttpStatusCode Status, string Body)> Transact(TestApp test, params string[] operations) =>
        test.Post("/v1.0/state/state/transaction", $$"""{"operations":[{{string.Join(',', operations)}}]}""");
}
