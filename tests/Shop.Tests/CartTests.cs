using System.Net;
using System.Text.Json.Nodes;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>Carts: actors that are ordered once.</summary>
[Collection(V2Collection.Name)]
public sealed class CartTests(InProcessShop shop) : IDisposable
{
    public void Dispose() => shop.CheckEvents();

    [Fact]
    public async Task A_cart_is_filled_changed_and_ordered()
    {
        using var ann = await shop.NewShopper();
        var (tea, cups) = (await shop.NewProduct(price: 5), await shop.NewProduct(price: 7));
        await Put(ann, tea, 1);
        await Put(ann, cups, 2);
        await Put(ann, tea, 3);
        await V2Client.Read(await ann.Send(HttpMethod.Delete, $"{Cart(ann)}/items/{cups}"));
        await Put(ann, cups, 1);

        Assert.Equal(22, (decimal)(await ann.Get(Cart(ann)))["total"]!);
        var order = await ann.Created($"{Cart(ann)}/checkout", new { });

        Assert.Equal(22, (decimal)order["total"]!);
        Assert.Empty((await ann.Get(Cart(ann)))["items"]!.AsArray());
        await shop.WaitFor((string)order["id"]!, "delivered");
    }

    [Theory]
    [InlineData("same")]
    [InlineData("different")]
    [InlineData("none")]
    public async Task However_many_checkouts_at_once_make_one_order(string keys)
    {
        using var ann = await shop.NewShopper();
        await Put(ann, await shop.NewProduct(), 2);

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(i => ann.Post($"{Cart(ann)}/checkout", new { }, keys switch { "same" => "k", "different" => $"k{i}", _ => null })));

        Assert.Single((await ann.Get($"/v2/users/{ann.UserId}/orders"))["items"]!.AsArray());
        Assert.Contains(answers, answer => answer.StatusCode == HttpStatusCode.Created);
        Assert.All(answers, answer => Assert.True(answer.StatusCode == (keys == "different" && answer.StatusCode != HttpStatusCode.Created ? HttpStatusCode.Conflict : HttpStatusCode.Created)));
    }

    [Fact]
    public async Task The_same_key_again_is_the_same_order_and_does_not_order_what_the_cart_holds_now()
    {
        using var ann = await shop.NewShopper();
        var product = await shop.NewProduct();
        await Put(ann, product, 1);
        var first = await ann.Created($"{Cart(ann)}/checkout", new { }, "k");
        await Put(ann, product, 5);

        var again = await ann.Created($"{Cart(ann)}/checkout", new { }, "k");

        Assert.Equal((string?)first["id"], (string?)again["id"]);
        Assert.Single((await ann.Get(Cart(ann)))["items"]!.AsArray());
        Assert.NotEqual((string?)first["id"], (string?)(await ann.Created($"{Cart(ann)}/checkout", new { }, "k2"))["id"]);
    }

    [Fact]
    public async Task A_changed_price_reaches_the_cart_and_is_shown_as_changed()
    {
        using var ann = await shop.NewShopper();
        using var operators = await shop.SignInOperator();
        var product = await shop.NewProduct(price: 10);
        await Put(ann, product, 2);

        await V2Client.Read(await operators.Send(HttpMethod.Patch, $"/v2/products/{product}", new { price = 12 }));

        var item = await Eventually.Get(async () => (await ann.Get(Cart(ann)))["items"]![0] is { } seen && (decimal)seen["price"]! == 12 ? seen : null, "the new price");
        Assert.Equal(10, (decimal)item["wasPrice"]!);
        Assert.Null((await ann.Get(Cart(ann)))["items"]![0]!["wasPrice"]);
        Assert.Equal(409, (await V2Client.Problem(await ann.Post($"{Cart(ann)}/checkout", new { total = 20 }))).Status);
        Assert.Equal(24, (decimal)(await ann.Created($"{Cart(ann)}/checkout", new { total = 24 }))["total"]!);
    }

    [Fact]
    public async Task What_is_not_for_sale_any_more_cannot_be_ordered()
    {
        using var ann = await shop.NewShopper();
        using var operators = await shop.SignInOperator();
        var product = await shop.NewProduct();
        await Put(ann, product, 1);

        using var gone = await operators.Send(HttpMethod.Delete, $"/v2/products/{product}");
        await Eventually.Get(async () => (bool)(await ann.Get(Cart(ann)))["items"]![0]!["isForSale"]! ? null : "", "the cart to know");

        Assert.Equal(400, (await V2Client.Problem(await ann.Post($"{Cart(ann)}/checkout"))).Status);
        await V2Client.Read(await ann.Send(HttpMethod.Delete, $"{Cart(ann)}/items/{product}"));
        Assert.Equal(409, (await V2Client.Problem(await ann.Post($"{Cart(ann)}/checkout"))).Status);
    }

    [Fact]
    public async Task A_cart_that_nobody_touches_is_emptied()
    {
        using var ann = await shop.NewShopper();
        await Put(ann, await shop.NewProduct(), 1);

        await Eventually.Get(async () =>
        {
            shop.Clock.Advance(TimeSpan.FromDays(7));
            return (await ann.Get(Cart(ann)))["items"]!.AsArray().Count == 0 ? "" : null;
        }, "the cart to be emptied");
    }

    [Theory]
    [InlineData("nothing", 1, "nothing")]
    [InlineData(null, 0, "quantity")]
    [InlineData(null, 10_001, "quantity")]
    public async Task What_a_cart_cannot_hold_is_refused(string? product, long quantity, string named)
    {
        using var ann = await shop.NewShopper();

        var (status, detail) = await V2Client.Problem(await ann.Send(HttpMethod.Put, $"{Cart(ann)}/items/{product ?? await shop.NewProduct()}", new { quantity }));

        Assert.Equal(400, status);
        Assert.Contains(named, detail, StringComparison.Ordinal);
        Assert.Empty((await ann.Get(Cart(ann)))["items"]!.AsArray());
    }

    private static string Cart(V2Client client) => $"/v2/users/{client.UserId}/cart";

    private static async Task<JsonNode> Put(V2Client client, string product, long quantity) =>
        await V2Client.Read(await client.Send(HttpMethod.Put, $"{Cart(client)}/items/{product}", new { quantity }));
}
