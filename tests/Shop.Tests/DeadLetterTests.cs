using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>Events that can never pass: kept, shown, and sent again when what was wrong is mended.</summary>
[Collection(V2Collection.Name)]
public sealed class DeadLetterTests(InProcessShop shop) : IDisposable
{
    public void Dispose() => shop.CheckEvents();

    [Fact]
    public async Task A_dead_letter_is_listed_read_refused_again_and_passes_when_the_cause_is_gone()
    {
        using var operators = await shop.SignInOperator();
        using var ann = await shop.NewShopper();

        // A message about a user whom nobody knows; the user comes later, so that the second try can pass.
        var user = Guid.NewGuid().ToString();
        await Publish("notifications", "notification.sent", new { userId = user, template = "welcome", reference = user });
        var letter = await Eventually.Get(async () => (await operators.Get("/v2/admin/dead-letters?service=users"))["items"]!.AsArray()
            .FirstOrDefault(one => one!.ToJsonString().Contains(user, StringComparison.Ordinal)), "the dead letter");
        var id = (string)letter["deadLetter"]!["id"]!;

        var read = await operators.Get($"/v2/admin/dead-letters/users/{id}");
        Assert.Equal("notification.sent", (string?)read["type"]);
        Assert.Contains("no user", (string?)read["reason"], StringComparison.Ordinal);
        Assert.Equal(user, (string?)read["data"]!["userId"]);

        Assert.Equal("""{"resent":0,"refused":1}""", (await operators.Created($"/v2/admin/dead-letters/users/{id}/resend", new { })).ToJsonString());
        await Eventually.Get(async () => (int)(await operators.Get($"/v2/admin/dead-letters/users/{id}"))["refusals"]! == 2 ? "" : null, "the second refusal to be kept");

        await Mend(user);
        Assert.Equal(1, (int)(await operators.Created("/v2/admin/dead-letters/resend?service=users", new { }))["resent"]!);
        Assert.DoesNotContain((await operators.Get("/v2/admin/dead-letters"))["items"]!.AsArray(), one => one!.ToJsonString().Contains(user, StringComparison.Ordinal));

        // It is not kept for ever.
        using var http = new HttpClient();
        using var stored = await http.GetAsync(new Uri(shop.SidecarOf("users"), $"/v1.0/state/statestore/dead-letter-{id}"));
        var forgottenAt = DateTimeOffset.Parse(stored.Headers.GetValues("metadata.ttlExpireTime").Single(), CultureInfo.InvariantCulture);
        Assert.InRange(forgottenAt, DateTimeOffset.UtcNow.AddDays(6), DateTimeOffset.UtcNow.AddDays(8));
    }

    [Theory]
    [InlineData("inventory", "order.created", """{ "orderId": "POISON", "userId": "ann" }""")]
    [InlineData("inventory", "order.paid", """{ "orderId": "POISON" }""")]
    [InlineData("inventory", "order.created", """{ "orderId": "POISON", "userId": "ann", "lines": [null], "total": 1 }""")]
    [InlineData("inventory", "order.created", """{ "orderId": "POISON", "userId": "ann", "lines": [{ "productId": null, "quantity": 1, "price": 1 }], "total": 1 }""")]
    [InlineData("inventory", "order.cancelled", """{ "orderId": "POISON||x", "userId": "ann", "reason": "x" }""")]
    [InlineData("shipping", "order.paid", """{ "orderId": ["POISON"], "lines": 7 }""")]
    [InlineData("payments", "order.confirmed", """{ "orderId": "POISON", "userId": "ann", "total": 1e400 }""")]
    [InlineData("notifications", "order.created", """ "POISON" """)]
    [InlineData("notifications", "order.created", "null")]
    public async Task An_event_that_means_nothing_is_a_dead_letter_and_does_not_come_again(string service, string type, string data)
    {
        using var operators = await shop.SignInOperator();
        var mark = Guid.NewGuid().ToString("N");

        Assert.Equal(["DROP"], await shop.DeliverInBulk(service, "orders", type, [JsonNode.Parse(data.Replace("POISON", mark, StringComparison.Ordinal))]));

        if (data.Contains("POISON", StringComparison.Ordinal))
        {
            await Eventually.Get(async () => (await operators.Get($"/v2/admin/dead-letters?service={service}"))["items"]!.AsArray()
                .FirstOrDefault(one => one!.ToJsonString().Contains(mark, StringComparison.Ordinal)), "the dead letter");
        }
    }

    [Fact]
    public async Task An_order_that_can_be_none_does_not_stop_the_dashboard()
    {
        using var operators = await shop.SignInOperator();
        var before = (int)(await operators.Get("/v2/admin/projections/dashboard"))["events"]!;

        Assert.Equal(["SUCCESS", "SUCCESS"], await shop.DeliverInBulk("dashboard", "orders", "order.created",
            [JsonNode.Parse("""{ "orderId": "a||b", "userId": "ann" }"""), JsonNode.Parse("""{ "orderId": ["x"], "userId": null }""")]));

        Assert.Equal(before, (int)(await operators.Get("/v2/admin/projections/dashboard"))["events"]!);
    }

    [Theory]
    [InlineData("/v2/admin/dead-letters?service=nobody")]
    [InlineData("/v2/admin/dead-letters/nobody/x")]
    [InlineData("/v2/admin/dead-letters/users/x")]
    public async Task What_there_is_none_of_is_not_found(string path)
    {
        using var operators = await shop.SignInOperator();

        Assert.Equal(404, (await V2Client.Problem(await operators.Send(HttpMethod.Get, path))).Status);
    }

    [Fact]
    public async Task A_service_that_is_away_is_named()
    {
        using var operators = await shop.SignInOperator();
        await shop.StopService("shipping");
        try
        {
            Assert.Contains("shipping", (await operators.Get("/v2/admin/dead-letters"))["unavailable"]!.AsArray().Select(name => (string?)name));
        }
        finally
        {
            await shop.StartService("shipping");
        }
    }

    private async Task Publish(string topic, string type, object data)
    {
        using var http = new HttpClient();
        using var response = await http.PostAsJsonAsync(new Uri(shop.SidecarOf(topic), $"/v1.0/publish/pubsub/{topic}?metadata.cloudevent.type={type}&metadata.cloudevent.id={Guid.NewGuid()}"), data);
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
    }

    /// <summary>Puts the user into the store, as whoever repairs data by hand does.</summary>
    private async Task Mend(string user)
    {
        using var http = new HttpClient();
        var value = new { state = new { userId = user, email = $"{user}@example.com", name = "Ann", createdAt = DateTimeOffset.UnixEpoch, communicationSent = false }, version = 1 };
        using var response = await http.PostAsJsonAsync(new Uri(shop.SidecarOf("users"), "/v1.0/state/statestore"), new[] { new { key = $"user-{user}", value } });
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
    }
}
