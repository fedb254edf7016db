using System.Text.Json;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

/// <summary>Two sidecars of one app, each a process, and one is killed with -9: what it had goes to the other.</summary>
public sealed class HandOverTests
{
    private const int Events = 20;

    private readonly string _topic = $"t-{Guid.NewGuid():N}";

    [RabbitMqFact]
    public async Task On_RabbitMQ_what_a_killed_sidecar_had_goes_to_another() =>
        await HandsOver("pubsub.rabbitmq", ("connectionString", (await RabbitMqServer.Shared).ConnectionString), ("prefetchCount", "100"), ("requeueInFailure", "true"), ("deletedWhenUnused", "false"));

    [Fact]
    public Task On_Kafka_what_a_killed_sidecar_had_goes_to_another() =>
        HandsOver("pubsub.kafka", [.. Kafka.Fields(), ("initialOffset", "oldest"), ("consumerGroup", _topic)]);

    private async Task HandsOver(string type, params (string Name, string Value)[] fields)
    {
        using var folder = new SidecarFolder().Component("pubsub", type, fields);
        var never = new TaskCompletionSource();
        await using var stuck = await App(never.Task);
        await using var well = await App(null);
        using var first = await SidecarProcess.Start(folder, stuck.Port);
        for (var i = 0; i < Events; i++)
        {
            Assert.True(await first.TryPost($"/v1.0/publish/pubsub/{_topic}?metadata.partitionKey={i}", $"{i}"));
        }

        await Eventually.Holds(() => Taken(stuck).Any(), "the first to have some");
        using var second = await SidecarProcess.Start(folder, well.Port);
        first.Kill();

        await Eventually.Holds(() => Taken(well).Distinct().Count() == Events, "the second to have all");
        never.SetResult();
    }

    private Task<ScriptedApp> App(Task? answers) => ScriptedApp.Start(request => request.Path == "/dapr/subscribe"
        ? Answer.Json($$"""[{"pubsubname":"pubsub","topic":"{{_topic}}","route":"/on"}]""")
        : new(200, After: request.Path == "/on" ? answers : null));

    private static IEnumerable<int> Taken(ScriptedApp app) =>
        app.Log.Where(request => request.Path == "/on").Select(request => JsonDocument.Parse(request.Body).RootElement.GetProperty("data").GetInt32());
}
