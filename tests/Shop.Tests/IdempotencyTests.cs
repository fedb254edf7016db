using System.Net;
using System.Text.Json.Nodes;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>The same request with the same <c>Idempotency-Key</c> is the same thing, however often and whatever came in between; another request with that key is refused.</summary>
[Collection(V2Collection.Name)]
public sealed class IdempotencyTests(InProcessShop shop) : IDisposable
{
    private const string Address = """ "address": { "name": "Ann", "street": "Way 1", "postalCode": "1", "city": "Riga", "country": "LV" } """;

    public void Dispose() => shop.CheckEvents();

    [Theory]
    [InlineData("product", """{ "name": "Tea", "price": 10, "stock": 5 }""", """{ "name": "Tea", "price": 11, "stock": 5 }""")]
    [InlineData("product", """{ "name": "Tea", "price": 10, "stock": 5 }""", """{ "name": "Tea", "price": 10, "stock": 5, "description": "Green" }""")]
    [InlineData("user", """{ "email": "EMAIL", "name": "Ann", "password": "password one" }""", """{ "email": "EMAIL", "name": "Ann", "password": "password two" }""")]
    [InlineData("user", """{ "email": "EMAIL", "name": "Ann", "password": "password one" }""", """{ "email": "EMAIL", "name": "Bob", "password": "password one" }""")]
    [InlineData("order", """{ "items": [{ "productId": "PRODUCT", "quantity": 1 }] }""", """{ "items": [{ "productId": "PRODUCT", "quantity": 1, "price": 12345 }] }""")]
    [InlineData("order", """{ "items": [{ "productId": "PRODUCT", "quantity": 1 }] }""", """{ "items": [{ "productId": "PRODUCT", "quantity": 1 }], ADDRESS }""")]
    [InlineData("order", """{ "items": [{ "productId": "PRODUCT", "quantity": 1 }] }""", """{ "items": [{ "productId": "PRODUCT", "quantity": 1 }], "payWithinSeconds": 60 }""")]
    [InlineData("checkout", "{}", "{ ADDRESS }")]
    [InlineData("checkout", "{}", """{ "total": 1 }""")]
    [InlineData("restock", """{ "quantity": 5 }""", """{ "quantity": 6 }""")]
    public async Task Another_request_with_the_same_key_is_refused(string what, string request, string other)
    {
        using var client = what is "product" or "restock" ? await shop.SignInOperator() : await shop.NewShopper();
        var product = await shop.NewProduct();
        var path = what switch
        {
            "product" => "/v2/products",
            "user" => "/v2/users",
            "order" => "/v2/orders",
            "checkout" => $"/v2/users/{client.UserId}/cart/checkout",
            _ => $"/v2/inventory/{product}/restocks",
        };
        if (what == "checkout")
        {
            await Put(client, product);
        }
        else if (what == "restock")
        {
            await Eventually.Get(() => shop.FindStock(product), "the stock");
        }

        var (key, email) = (Guid.NewGuid().ToString(), $"{Guid.NewGuid():N}@example.com");
        var answers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => client.Created(path, Body(request), key)));

        Assert.Single(answers.Select(answer => answer["id"]!.ToString()).Distinct());
        Assert.Equal(409, (await V2Client.Problem(await client.Post(path, Body(other), key))).Status);
        Assert.Equal(answers[0]["id"]!.ToString(), (await client.Created(path, Body(request), key))["id"]!.ToString());

        JsonNode Body(string text) => JsonNode.Parse(text.Replace("EMAIL", email, StringComparison.Ordinal).Replace("PRODUCT", product, StringComparison.Ordinal).Replace("ADDRESS", Address, StringComparison.Ordinal))!;
    }

    [Fact]
    public async Task A_key_belongs_to_its_checkout_whatever_was_ordered_since()
    {
        using var ann = await shop.NewShopper();
        var (product, path) = (await shop.NewProduct(), $"/v2/users/{ann.UserId}/cart/checkout");
        await Put(ann, product);
        var first = await ann.Created(path, new { }, "k1");
        await Put(ann, product);
        var second = await ann.Created(path, new { }, "k2");
        await Put(ann, product);

        Assert.Equal(first["id"]!.ToString(), (await ann.Created(path, new { }, "k1"))["id"]!.ToString());
        Assert.Equal(second["id"]!.ToString(), (await ann.Created(path, new { }, "k2"))["id"]!.ToString());
        Assert.Equal(2, (await ann.Get($"/v2/users/{ann.UserId}/orders"))["items"]!.AsArray().Count);
        Assert.Single((await ann.Get($"/v2/users/{ann.UserId}/cart"))["items"]!.AsArray());
    }

    [Fact]
    public async Task A_key_has_a_length()
    {
        using var ann = await shop.NewShopper();
        await Put(ann, await shop.NewProduct());

        using var refused = await ann.Post($"/v2/users/{ann.UserId}/cart/checkout", new { }, new('k', 256));
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        await ann.Created($"/v2/users/{ann.UserId}/cart/checkout", new { }, new('k', 255));
    }

    private static async Task Put(V2Client client, string product) =>
        await V2Client.Read(await client.Send(HttpMethod.Put, $"/v2/users/{client.UserId}/cart/items/{product}", new { quantity = 1 }));
}
