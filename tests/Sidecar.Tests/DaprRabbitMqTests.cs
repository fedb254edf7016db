using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests;

/// <summary>The real daprd with the shop's own files for RabbitMQ, which is killed under load: what docs/brokers.md promises of <c>SUBSCRIBE_APART</c>.</summary>
[Trait("Needs", "Dapr")]
public sealed partial class DaprRabbitMqTests : IDisposable
{
    // One is enough for consumers to be left behind where subscriptions share a connection: three to nine in each of five tries.
    private const int Crashes = 2;

    private static readonly string[] Topics = ["catalog", "inventory", "orders", "payments", "shipping", "dead-letters"];
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [DaprRabbitMqFact]
    public async Task Nothing_stands_still_on_daprd_when_RabbitMq_is_killed_under_load()
    {
        await using var rabbit = await RabbitMqServer.Start();
        foreach (var file in new[] { "rabbitmq/pubsub.yaml", "rabbitmq/pubsub-apart.yaml", "local/resiliency.yaml" })
        {
            var text = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "components", file));
            _folder.Write(Path.Combine("resources", Path.GetFileName(file)), text.Replace("localhost:5672", $"127.0.0.1:{rabbit.Port}", StringComparison.Ordinal));
        }

        var taken = new ConcurrentDictionary<string, bool>();
        var subscriptions = JsonSerializer.Serialize(Topics.Select(topic => new { pubsubname = $"pubsub-{topic}", topic, route = "/on" }));
        await using var app = await ScriptedApp.Start(request =>
        {
            if (request.Path == "/on")
            {
                taken[JsonDocument.Parse(request.Body).RootElement.GetProperty("data").GetString()!] = true;
            }

            return request.Path == "/dapr/subscribe" ? Answer.Json(subscriptions) : new(200);
        });
        await using var daprd = await Daprd.Start("shop", Path.Combine(_folder.Path, "resources"), app.Port);
        using var http = new HttpClient { BaseAddress = new($"http://127.0.0.1:{daprd.HttpPort}") };
        var accepted = await Load(rabbit, http);

        // Of what daprd has answered with success, RabbitMQ has all but what it never confirmed: that is another of its faults.
        bool HasCome(string data) => taken.ContainsKey(data);
        await Eventually.Holds(() => accepted.Count(data => !HasCome(data)) <= daprd.Log.Count(line => Unconfirmed().IsMatch(line)), "what RabbitMQ has", Patience);
        Assert.InRange(accepted.Count(data => !HasCome(data)), 0, Crashes);
        await rabbit.Do(async channel =>
        {
            foreach (var topic in Topics)
            {
                var queue = await channel.QueueDeclarePassiveAsync($"shop-{topic}");
                Assert.Equal((topic, 1u, 0u), (topic, queue.ConsumerCount, queue.MessageCount));
            }
        });
    }

    /// <summary>Publishes to all topics while RabbitMQ is killed and started again.</summary>
    /// <returns>What daprd has answered with success.</returns>
    private static async Task<IReadOnlyCollection<string>> Load(RabbitMqServer rabbit, HttpClient http)
    {
        var accepted = new ConcurrentBag<string>();
        using var stop = new CancellationTokenSource();
        var load = Task.WhenAll(Enumerable.Range(0, 8).Select(client => Task.Run(async () =>
        {
            for (var i = 0; !stop.IsCancellationRequested; i++)
            {
                if (await Is(http, HttpMethod.Post, $"/v1.0/publish/pubsub/{Topics[i % Topics.Length]}", $"\"{client}:{i}\""))
                {
                    accepted.Add($"{client}:{i}");
                }

                await Task.Delay(20);
            }
        })));
        for (var crash = 0; crash < Crashes; crash++)
        {
            await Some();
            await rabbit.Restart();
        }

        await Some();
        await stop.CancelAsync();
        await load;
        return accepted;

        Task Some()
        {
            var before = accepted.Count;
            return Eventually.Holds(() => accepted.Count > before + 300, "some load", Patience);
        }
    }

    private static async Task<bool> Is(HttpClient http, HttpMethod method, string path, string? json)
    {
        using var request = new HttpRequestMessage(method, path) { Content = json is null ? null : new StringContent(json, Encoding.UTF8, "application/json") };
        try
        {
            using var response = await http.SendAsync(request);
            return response.StatusCode == HttpStatusCode.NoContent;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    [GeneratedRegex("did not receive confirmation of publishing")]
    private static partial Regex Unconfirmed();
}
