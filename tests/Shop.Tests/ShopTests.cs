using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Lavka.Testing;
using static Lavka.Shop.Tests.InProcessShop;

namespace Lavka.Shop.Tests;

public sealed class ShopTests(InProcessShop shop) : IClassFixture<InProcessShop>, IDisposable
{
    public void Dispose() => shop.CheckEvents();

    [Fact]
    public async Task A_repeat_is_the_same_order_even_if_the_price_has_changed_since()
    {
        var (user, product) = (await shop.NewUser(), await shop.NewProduct(price: 10));
        var wanted = new { UserId = user, Items = new[] { new { ProductId = product, Quantity = 1, Price = 10 } } };
        var placed = await shop.Post<OrderView>("/v1/orders", wanted, "k");
        using var change = await Patch($"/v1/products/{product}", """{"price":11}""");
        Assert.Equal(HttpStatusCode.OK, change.StatusCode);

        Assert.Equal(placed.Id, (await shop.Post<OrderView>("/v1/orders", wanted, "k")).Id);
    }

    [Theory]
    [InlineData("/v1/users", """{"email":"not-an-email","name":"Ann"}""", 400, "not-an-email")]
    [InlineData("/v1/users", """{"name":"Ann"}""", 400, "email")]
    [InlineData("/v1/users", "{\"email\":", 400, "JSON")]
    [InlineData("/v1/users", "[]", 400, "kind")]
    [InlineData("/v1/products", """{"name":"Tea","price":-1,"stock":1}""", 400, "price")]
    [InlineData("/v1/products", """{"name":"Tea","price":1,"stock":1.5}""", 400, "stock")]
    [InlineData("/v1/orders", """{"user_id":"nobody","items":[{"product_id":"PRODUCT","quantity":1}]}""", 400, "nobody")]
    [InlineData("/v1/orders", """{"user_id":"USER","items":[{"product_id":"nothing","quantity":1}]}""", 400, "nothing")]
    [InlineData("/v1/orders", """{"user_id":"USER","items":[{"product_id":"PRODUCT","quantity":0}]}""", 400, "quantity")]
    [InlineData("/v1/orders", """{"user_id":"USER","items":[{"product_id":"PRODUCT","quantity":-1}]}""", 400, "quantity")]
    [InlineData("/v1/orders", """{"user_id":"USER","items":[{"product_id":"PRODUCT","quantity":1000000000000}]}""", 400, "1000000000000")]
    [InlineData("/v1/orders", """{"user_id":"USER","items":[{"product_id":"PRODUCT","quantity":1,"price":0.01}]}""", 400, "costs")]
    [InlineData("/v1/orders", """{"user_id":"USER","items":[]}""", 400, "items")]
    [InlineData("/v1/orders", """{"user_id":"USER"}""", 400, "items")]
    [InlineData("/v1/orders", """{"user_id":"USER","items":[null]}""", 400, "names no product")]
    [InlineData("/v1/orders", """{"user_id":"USER","user_id":"nobody","items":[{"product_id":"PRODUCT","quantity":1}]}""", 400, "user_id")]
    [InlineData("/v1/users", """{"email":"Operator@lavka.example","name":"Ann"}""", 400, "registered already")]
    [InlineData("/v1/users", """{"email":"ann@example.com","name":"An\u202En"}""", 400, "U+202E")]
    [InlineData("/v1/products", """{"name":"Tea","price":1e-30,"stock":1}""", 400, "at most two decimals")]
    [InlineData("/v1/users", """{"email":"a||b@example.com","name":"Ann"}""", 400, "a||b")]
    [InlineData("/v1/orders", """{"user_id":"../../health","items":[{"product_id":"PRODUCT","quantity":1}]}""", 400, "../../health")]
    [InlineData("/v1/orders", """{"user_id":"50%","items":[{"product_id":"PRODUCT","quantity":1}]}""", 400, "50%")]
    [InlineData("/v1/orders", """{"user_id":"USER","items":[{"product_id":"../../health","quantity":1}]}""", 400, "../../health")]
    [InlineData("/v1/orders", """{"user_id":"USER","items":[{"product_id":"a||b","quantity":1}]}""", 400, "a||b")]
    [InlineData("/v1/payments", """{"order_id":"../../health"}""", 404, "../../health")]
    [InlineData("/v1/payments", """{"order_id":"nothing"}""", 404, "nothing")]
    [InlineData("/v1/nonsense", "{}", 404, "nonsense")]
    public async Task Bad_input_gets_a_clear_answer_and_changes_nothing(string path, string body, int status, string named)
    {
        var (user, product) = (await shop.NewUser(), await shop.NewProduct(stock: 7));
        using var content = new StringContent(body.Replace("USER", user, StringComparison.Ordinal).Replace("PRODUCT", product, StringComparison.Ordinal), Encoding.UTF8, "application/json");

        using var response = await shop.Gateway.PostAsync(new Uri(path, UriKind.Relative), content);

        var problem = await response.Content.ReadAsStringAsync();
        Assert.True(status == (int)response.StatusCode, problem);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        Assert.Contains(named, JsonDocument.Parse(problem).RootElement.TryGetProperty("detail", out var detail) ? detail.GetString()! : "", StringComparison.Ordinal);
        Assert.Empty(await shop.Get<List<OrderView>>($"/v1/users/{user}/orders"));
        await Eventually.Get(async () => (await shop.Gateway.GetAsync(new Uri($"/v1/inventory/{product}", UriKind.Relative))).IsSuccessStatusCode ? "" : null, "the stock");
        Assert.Equal(new StockView(7, 0, 0), await shop.Get<StockView>($"/v1/inventory/{product}"));
    }

    [Fact]
    public async Task An_email_twice_is_refused()
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        await shop.Post<Created>("/v1/users", new { Email = email, Name = "Ann" });

        using var response = await shop.Gateway.PostAsJsonAsync("/v1/users", new { email = email.ToUpperInvariant(), name = "Ann" });

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("registered already", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_body_of_10_MB_is_refused()
    {
        using var content = new StringContent("{\"email\":\"" + new string('x', 10 * 1024 * 1024) + "\"}", Encoding.UTF8, "application/json");

        using var response = await shop.Gateway.PostAsync(new Uri("/v1/users", UriKind.Relative), content);

        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, response.StatusCode);
        Assert.Contains("too large", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lists_come_in_pages()
    {
        var (user, product) = (await shop.NewUser(), await shop.NewProduct(stock: 0));
        for (var i = 0; i < 60; i++)
        {
            await shop.Place(user, product);
        }

        using var newest = await shop.Gateway.GetAsync(new Uri($"/v1/users/{user}/orders", UriKind.Relative));
        var link = Assert.Single(newest.Headers.GetValues("Link"));
        var earlier = await shop.Get<List<OrderView>>(link[1..link.IndexOf('>', StringComparison.Ordinal)]);

        Assert.Equal(60, earlier.Count + (await newest.Content.ReadFromJsonAsync<List<OrderView>>(InProcessShop.Json))!.Count);
    }

    [Theory]
    [InlineData("orders", "order-service")]
    [InlineData("users", "user-service")]
    [InlineData("payments", "payment-service")]
    [InlineData("catalog", "catalog-service")]
    [InlineData("inventory", "inventory-service")]
    [InlineData("shipping", "shipping-service")]
    [InlineData("notifications", "notification-service")]
    [InlineData("gateway", "gateway-service")]
    public async Task Every_service_says_that_it_is_healthy(string appId, string name)
    {
        using var http = shop.ClientOf(appId);

        Assert.Equal($$"""{"status":"healthy","service":"{{name}}"}""", await http.GetStringAsync(new Uri("/health", UriKind.Relative)));
    }

    private Task<HttpResponseMessage> Patch(string path, string json) => shop.Gateway.PatchAsync(new Uri(path, UriKind.Relative), new StringContent(json, Encoding.UTF8, "application/json"));
}
