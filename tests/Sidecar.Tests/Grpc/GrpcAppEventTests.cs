using System.Text.Json;
using Lavka.Sidecar.Tests.Contract.Grpc;

namespace Lavka.Sidecar.Tests.Grpc;

/// <summary>Events of gRPC apps, beyond what the recordings of daprd show.</summary>
public sealed class GrpcAppEventTests
{
    private const string OnlyUnavailable = """
        apiVersion: dapr.io/v1alpha1
        kind: Resiliency
        metadata:
          name: resiliency
        spec:
          policies:
            retries:
              some: {policy: constant, duration: 10ms, maxRetries: 2, matching: {gRPCStatusCodes: "14"}}
          targets:
            components:
              pubsub:
                inbound: {retry: some}
        """;

    [Fact]
    public async Task Entries_of_a_bulk_that_are_not_taken_come_again_alone()
    {
        await using var app = await GrpcScriptedApp.Answering("""
            "ListTopicSubscriptions": {"message": {"subscriptions": [{"pubsubName": "pubsub", "topic": "t", "routes": {"default": "/on"},
              "bulkSubscribe": {"enabled": true, "maxMessagesCount": 3, "maxAwaitDurationMs": 200}}]}},
            "OnBulkTopicEvent": [{"bulk": ["SUCCESS", "RETRY", "SUCCESS"]}, {"bulk": ["SUCCESS"]}]
            """);
        using var folder = new SidecarFolder().Component("pubsub", "pubsub.embedded", ("path", "log.db"));
        await using var sidecar = await Start(app, folder);

        await OverHttp.Publish(sidecar.HttpEndpoint, "bulk/pubsub/t", """
            [{"entryId":"a","event":1,"contentType":"application/json"},{"entryId":"b","event":2,"contentType":"application/json"},
             {"entryId":"c","event":3,"contentType":"application/json"}]
            """);

        var calls = await app.Received("OnBulkTopicEvent", 2);
        var bulks = calls.Select(call => call.GetProperty("message").GetProperty("entries").EnumerateArray().ToList()).ToList();
        Assert.Equal([3, 1], bulks.Select(entries => entries.Count));
        Assert.Equal(Id(bulks[0][1]), Id(bulks[1][0]));

        static string Id(JsonElement entry) => entry.GetProperty("cloudEvent").GetProperty("id").GetString()!;
    }

    [Fact]
    public async Task Only_the_status_codes_a_policy_names_are_retried()
    {
        await using var app = await GrpcScriptedApp.Answering("""
            "ListTopicSubscriptions": {"message": {"subscriptions": [{"pubsubName": "pubsub", "topic": "t", "routes": {"default": "/on"}, "deadLetterTopic": "dead"},
              {"pubsubName": "pubsub", "topic": "dead", "routes": {"default": "/dead"}}]}},
            "OnTopicEvent /on": [{"error": {"code": "UNAVAILABLE", "message": "later"}}, {"error": {"code": "INTERNAL", "message": "never"}},
              {"message": {}}],
            "OnTopicEvent /dead": {"message": {}}
            """);
        using var folder = new SidecarFolder().Component("pubsub", "pubsub.in-memory").With("resiliency.yaml", OnlyUnavailable);
        await using var sidecar = await Start(app, folder);

        await OverHttp.Publish(sidecar.HttpEndpoint, "pubsub/t", "1");

        var calls = await app.Received("OnTopicEvent", 3);
        Assert.Equal(["/on", "/on", "/dead"], calls.Select(call => call.GetProperty("message").GetProperty("path").GetString()));
    }

    [Fact]
    public async Task A_subscription_whose_rule_does_not_parse_keeps_all_from_starting()
    {
        await using var app = await GrpcScriptedApp.Answering("""
            "ListTopicSubscriptions": {"message": {"subscriptions": [{"pubsubName": "pubsub", "topic": "t", "routes": {"default": "/on"}},
              {"pubsubName": "pubsub", "topic": "u", "routes": {"rules": [{"match": "event.type ==", "path": "/u"}]}}]}}
            """);
        using var folder = new SidecarFolder().Component("pubsub", "pubsub.in-memory");
        await using var sidecar = await Start(app, folder);

        Assert.Empty(sidecar.ActiveSubscriptions);
    }

    private static async Task<Sidecar> Start(GrpcScriptedApp app, SidecarFolder folder)
    {
        var sidecar = await Sidecar.StartAsync(folder.Options("app", app.Port, protocol: AppProtocol.Grpc));
        await sidecar.Ready;
        return sidecar;
    }
}
