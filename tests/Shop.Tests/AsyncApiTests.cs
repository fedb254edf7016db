using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>docs/asyncapi.json is what the running shop does.</summary>
public sealed class AsyncApiTests(InProcessShop shop) : IClassFixture<InProcessShop>
{
    private const string Name = "docs/asyncapi.json";

    private static readonly string FileName = Path.Combine(Repository.Root, Name);

    [Fact]
    public async Task The_description_of_the_events_is_what_the_services_tell_and_listen_to()
    {
        var expected = AsyncApi.Describe(AsyncApi.Events, [.. (await Task.WhenAll(InProcessShop.AppIds.Select(SubscriptionsOf))).SelectMany(one => one)]);
        if (Environment.GetEnvironmentVariable("LAVKA_WRITE_SCHEMAS") == "1")
        {
            await File.WriteAllTextAsync(FileName, expected);
        }

        var actual = File.Exists(FileName) ? (await File.ReadAllTextAsync(FileName)).ReplaceLineEndings("\n") : "";

        Assert.True(expected == actual, $"{Name} is not what the services do. To write it: LAVKA_WRITE_SCHEMAS=1 dotnet test tests/Shop.Tests --filter {nameof(AsyncApiTests)}");
    }

    [Fact]
    public void A_topic_belongs_to_the_service_of_its_name() => Assert.Subset(InProcessShop.AppIds.ToHashSet(), AsyncApi.Events.Select(one => one.Topic).ToHashSet());

    [Fact]
    public void A_subscription_is_a_type_and_perhaps_a_condition_or_the_whole_topic()
    {
        var answer = JsonNode.Parse("""
            {
              "subscriptions": [
                { "topic": "orders", "rules": [{ "match": "event.type == \"order.paid\"", "path": "a" }, { "match": "event.type == \"order.created\" && event.data.total > 5", "path": "b" }] },
                { "topic": "users", "rules": [{ "path": "c" }] }
              ]
            }
            """)!;

        Assert.Equal(
            [new("x", "orders", "order.paid", null), new("x", "orders", "order.created", "event.data.total > 5"), new("x", "users", null, null)],
            AsyncApi.SubscriptionsOf("x", answer));
    }

    [Fact]
    public void A_rule_that_asks_for_no_type_is_refused()
    {
        var answer = JsonNode.Parse("""{ "subscriptions": [{ "topic": "orders", "rules": [{ "match": "event.data.total > 5", "path": "a" }] }] }""")!;

        Assert.Contains("event.data.total > 5", Assert.Throws<FormatException>(() => AsyncApi.SubscriptionsOf("x", answer).ToList()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Who_takes_a_whole_topic_receives_each_of_its_events_and_no_dead_letters()
    {
        var events = AsyncApi.Events.Where(one => one.Topic == "catalog").ToList();

        var document = JsonNode.Parse(AsyncApi.Describe(events, [new("x", "catalog", null, null), new("x", "orders.dead-letters", null, null)]))!;

        Assert.Equal(["catalog.send", .. events.Select(one => $"x.receive.{one.Type}").Order(StringComparer.Ordinal)], document["operations"]!.AsObject().Select(one => one.Key));
    }

    private async Task<IEnumerable<Subscription>> SubscriptionsOf(string appId)
    {
        using var http = new HttpClient();
        return AsyncApi.SubscriptionsOf(appId, (await http.GetFromJsonAsync<JsonNode>(new Uri(shop.SidecarOf(appId), "/v1.0/metadata")))!);
    }
}
