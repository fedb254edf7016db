using System.Net;
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

    private async Task<IReadOnlyList<Subscription>> SubscriptionsOf(string appId)
    {
        using var http = new HttpClient();
        using var response = await http.GetAsync(new Uri(shop.AddressOf(appId), "/dapr/subscribe"));

        // A service that listens to nothing need not answer.
        return response.StatusCode == HttpStatusCode.NotFound ? [] : [.. AsyncApi.SubscriptionsOf(appId, (await response.Content.ReadFromJsonAsync<JsonArray>())!)];
    }
}
