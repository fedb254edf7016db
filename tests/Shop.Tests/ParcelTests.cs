using System.Net;
using System.Text;
using System.Text.Json.Nodes;
using Lavka.Shipping;

namespace Lavka.Shop.Tests;

/// <summary>Packages, and what the carrier tells by its webhook.</summary>
[Collection(V2Collection.Name)]
public sealed class ParcelTests(InProcessShop shop) : IDisposable
{
    private const string Key = "for-development-only-carrier";

    public void Dispose() => shop.CheckEvents();

    [Fact]
    public async Task A_large_order_goes_in_several_packages_and_is_delivered_with_the_last()
    {
        using var ann = await shop.NewShopper();
        var (order, packages) = await Send(ann, 120);
        Assert.Equal([50, 50, 20], packages.Select(package => package!["lines"]!.AsArray().Sum(line => (long)line!["quantity"]!)));

        foreach (var package in packages.Take(2))
        {
            using var response = await Report(package!, "delivered");
            Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
        }

        Assert.Equal("dispatched", (string?)(await ann.Get($"/v2/shipments/{order}"))["status"]);
        using var last = await Report(packages[2]!, "delivered");
        await shop.WaitFor(order, "delivered");
        using var late = await Report(packages[0]!, "returned");
        Assert.Equal(HttpStatusCode.NoContent, late.StatusCode);
        Assert.Equal("delivered", (string?)(await ann.Get($"/v2/shipments/{order}"))["status"]);
    }

    [Fact]
    public async Task A_returned_package_returns_the_order()
    {
        using var ann = await shop.NewShopper();
        var (order, packages) = await Send(ann, 1);

        using var transit = await Report(packages[0]!, "in_transit");
        using var first = await Report(packages[0]!, "returned", "Nobody at home.");
        using var again = await Report(packages[0]!, "returned", "Nobody at home.");

        Assert.Equal(HttpStatusCode.NoContent, again.StatusCode);
        Assert.Equal("Nobody at home.", (await shop.WaitFor(order, "returned")).Reason);
    }

    [Fact]
    public async Task A_customer_who_has_a_part_of_an_order_is_not_given_all_the_money_back()
    {
        using var ann = await shop.NewShopper();
        var (order, packages) = await Send(ann, 60);

        using var first = await Report(packages[0]!, "delivered");
        using var second = await Report(packages[1]!, "returned");

        await shop.WaitFor(order, "delivered");
        Assert.Equal("completed", (string?)(await ann.Get($"/v2/payments/{order}"))["status"]);
        Assert.Equal("returned", (string?)(await ann.Get($"/v2/shipments/{order}"))["packages"]![1]!["status"]);
    }

    [Theory]
    [InlineData("no signature")]
    [InlineData("another key")]
    [InlineData("another body")]
    [InlineData("too old")]
    [InlineData("nonsense")]
    public async Task A_report_that_is_not_signed_by_the_carrier_is_refused(string how)
    {
        using var ann = await shop.NewShopper();
        var (order, packages) = await Send(ann, 1);
        var body = Body(packages[0]!, "delivered", null);
        var signature = how switch
        {
            "no signature" => null,
            "another key" => ReportParcel.Sign(body, "guessed", DateTimeOffset.UtcNow),
            "another body" => ReportParcel.Sign(Body(packages[0]!, "returned", null), Key, DateTimeOffset.UtcNow),
            "too old" => ReportParcel.Sign(body, Key, DateTimeOffset.UtcNow.AddMinutes(-6)),
            _ => "t=x,v1=,,",
        };

        using var response = await Post(body, signature);

        Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
        Assert.Equal("dispatched", (string?)(await ann.Get($"/v2/shipments/{order}"))["status"]);
    }

    [Theory]
    [InlineData("""{"trackingNumber":"LV0","status":"delivered"}""", 404)]
    [InlineData("""{"trackingNumber":"LV0","status":"eaten"}""", 400)]
    [InlineData("{", 400)]
    public async Task A_signed_report_that_makes_no_sense_is_refused_with_a_reason(string body, int status)
    {
        var bytes = Encoding.UTF8.GetBytes(body);

        Assert.Equal(status, (await V2Client.Problem(await Post(bytes, ReportParcel.Sign(bytes, Key, DateTimeOffset.UtcNow)))).Status);
    }

    [Fact]
    public async Task What_has_left_cannot_be_cancelled()
    {
        using var ann = await shop.NewShopper();
        var (order, _) = await Send(ann, 1);

        Assert.Equal(409, (await V2Client.Problem(await ann.Send(HttpMethod.Patch, $"/v2/orders/{order}/status", new { status = "cancelled" }))).Status);
    }

    /// <summary>An order whose packages are on their way, until the webhook says more.</summary>
    private async Task<(string Order, JsonArray Packages)> Send(V2Client client, long quantity)
    {
        var address = new { name = "Ann", street = "Lane 1", postalCode = "1", city = "Faraway", country = "X" };
        var order = (string)(await client.Created("/v2/orders", new { items = new[] { new { productId = await shop.NewProduct(price: 1, stock: 200), quantity } }, address }))["id"]!;
        await shop.WaitFor(order, "shipped");
        return (order, (await client.Get($"/v2/shipments/{order}"))["packages"]!.AsArray());
    }

    private Task<HttpResponseMessage> Report(JsonNode package, string status, string? reason = null)
    {
        var body = Body(package, status, reason);
        return Post(body, ReportParcel.Sign(body, Key, DateTimeOffset.UtcNow));
    }

    private static byte[] Body(JsonNode package, string status, string? reason) => Encoding.UTF8.GetBytes(
        new JsonObject { ["trackingNumber"] = (string?)package["trackingNumber"], ["status"] = status, ["reason"] = reason }.ToJsonString());

    private Task<HttpResponseMessage> Post(byte[] body, string? signature)
    {
        var request = new HttpRequestMessage(HttpMethod.Post, "/v2/webhooks/carrier") { Content = new ByteArrayContent(body) };
        request.Content.Headers.ContentType = new("application/json");
        request.Headers.TryAddWithoutValidation("Carrier-Signature", signature);
        return shop.Gateway.SendAsync(request);
    }
}
