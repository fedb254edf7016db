using System.Net;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>What the Gateway does with every request.</summary>
[Collection(V2Collection.Name)]
public sealed class GatewayTests(InProcessShop shop) : IDisposable
{
    public void Dispose() => shop.CheckEvents();

    [Theory]
    [InlineData("/v1/products")]
    [InlineData("/v2/products")]
    [InlineData("/v2/nonsense")]
    [InlineData("/v2/dashboard")]
    [InlineData("/health")]
    public async Task Every_response_can_be_found_again_and_tells_browsers_what_not_to_do(string path)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, path);
        request.Headers.Add("X-Correlation-Id", "my-own.1");
        request.Headers.Add("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");

        using var response = await shop.Gateway.SendAsync(request);

        Assert.Equal("my-own.1", response.Headers.GetValues("X-Correlation-Id").Single());
        Assert.StartsWith("00-0af7651916cd43dd8448eb211c80319c-", response.Headers.GetValues("traceparent").Single(), StringComparison.Ordinal);
        Assert.Equal("nosniff", response.Headers.GetValues("X-Content-Type-Options").Single());
        Assert.Equal("DENY", response.Headers.GetValues("X-Frame-Options").Single());
        Assert.Contains("default-src 'none'", response.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
        Assert.Empty(response.Headers.Server);
    }

    [Theory]
    [InlineData("/v1/products")]
    [InlineData("/v2/products")]
    [InlineData("/v2/dashboard")]
    [InlineData("/v2/nonsense")]
    [InlineData("/docs/index.html")]
    [InlineData("/ops/")]
    [InlineData("/openapi/v2.json")]
    [InlineData("/health")]
    public async Task HEAD_is_answered_as_GET_without_the_body(string path)
    {
        using var get = await shop.Gateway.GetAsync(new Uri(path, UriKind.Relative));
        using var request = new HttpRequestMessage(HttpMethod.Head, path);
        using var head = await shop.Gateway.SendAsync(request);

        Assert.Equal((get.StatusCode, get.Content.Headers.ContentType), (head.StatusCode, head.Content.Headers.ContentType));
        Assert.Empty(await head.Content.ReadAsByteArrayAsync());
    }

    [Theory]
    [InlineData("/dapr/subscribe")]
    [InlineData("/dapr/config")]
    [InlineData("/actors/CartActor/x/method/Show")]
    [InlineData("/events/payments/payment.completed")]
    [InlineData("/healthz")]
    public async Task What_is_between_Dapr_and_services_is_not_for_clients(string path)
    {
        foreach (var method in new[] { HttpMethod.Get, HttpMethod.Put, HttpMethod.Post })
        {
            using var request = new HttpRequestMessage(method, path);
            using var answer = await shop.Gateway.SendAsync(request);

            Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        }
    }

    [Fact]
    public async Task A_correlation_id_that_could_do_harm_is_replaced()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v2/products");
        request.Headers.TryAddWithoutValidation("X-Correlation-Id", "a b<script>");

        using var response = await shop.Gateway.SendAsync(request);

        Assert.Matches("^[0-9a-f]{32}$", response.Headers.GetValues("X-Correlation-Id").Single());
    }

    [Fact]
    public async Task A_client_that_asks_too_often_is_told_when_to_come_back_and_others_are_not()
    {
        var (gateway, address) = await shop.StartGateway(("Gateway:RequestsPerSecond", "5"));
        await using (gateway)
        {
            using var hasty = new V2Client(address, null);
            var answers = await Task.WhenAll(Enumerable.Range(0, 40).Select(_ => hasty.Send(HttpMethod.Get, "/v2/products")));

            var refused = answers.First(answer => answer.StatusCode == HttpStatusCode.TooManyRequests);
            Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
            Assert.Equal("application/problem+json", refused.Content.Headers.ContentType?.MediaType);
            using var ann = await shop.NewShopper();
            using var signedIn = new V2Client(address, ann.Token);
            Assert.NotNull(await signedIn.Get("/v2/products"));
            using var health = await hasty.Send(HttpMethod.Get, "/health");
            Assert.Equal(HttpStatusCode.OK, health.StatusCode);
        }
    }

    [Fact]
    public async Task Passwords_cannot_be_tried_without_end()
    {
        var (gateway, address) = await shop.StartGateway(("Gateway:SignInsPerMinute", "3"));
        await using (gateway)
        {
            using var thief = new V2Client(address, null);
            var statuses = new List<int>();
            for (var i = 0; i < 5; i++)
            {
                statuses.Add((await V2Client.Problem(await thief.Post("/v2/sessions", new { email = "operator@lavka.example", password = $"guess {i}" }))).Status);
            }

            Assert.Equal([401, 401, 401, 429, 429], statuses);

            // Who has tried too often may still register, and so may whoever shares the address.
            var name = $"{Guid.NewGuid():N}";
            await thief.Created("/v2/users", new { email = $"{name}@example.com", name = "Ann", password = "correct horse" });
        }
    }

    [Fact]
    public async Task Only_pages_of_sites_that_are_named_may_call()
    {
        var (gateway, address) = await shop.StartGateway(("Gateway:Cors:Origins:0", "https://shop.example"));
        await using (gateway)
        {
            using var http = new HttpClient { BaseAddress = address };
            Assert.Equal("https://shop.example", await AllowedOrigin(http, "https://shop.example"));
            Assert.Null(await AllowedOrigin(http, "https://other.example"));
            Assert.Null(await AllowedOrigin(shop.Gateway, "https://shop.example"));
        }
    }

    [Fact]
    public async Task A_request_that_takes_too_long_is_given_up()
    {
        using var gone = new CancellationTokenSource();
        await using var silent = await ScriptedApp.Start(_ => new(After: Task.Delay(Timeout.InfiniteTimeSpan, gone.Token)));
        var (gateway, address) = await shop.StartGateway(("Gateway:RequestTimeout", "00:00:00.1"), ("DAPR_HTTP_PORT", $"{silent.Port}"));
        await using (gateway)
        {
            using var client = new V2Client(address, null);

            var late = await V2Client.Problem(await client.Send(HttpMethod.Get, "/v2/products"));

            Assert.Equal(504, late.Status);
            Assert.Contains("too long", late.Detail, StringComparison.Ordinal);
        }

        await gone.CancelAsync();
    }

    [Fact]
    public async Task A_body_whose_length_is_not_told_arrives_whole()
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        using var request = new HttpRequestMessage(HttpMethod.Post, "/v1/users") { Content = JsonContent.Create(new { email, name = "Ann" }), Headers = { TransferEncodingChunked = true } };

        using var response = await shop.Gateway.SendAsync(request);

        Assert.Equal(HttpStatusCode.Created, response.StatusCode);
        Assert.Equal(email, (string?)JsonNode.Parse(await response.Content.ReadAsStringAsync())!["email"]);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("[]")]
    public async Task What_looks_like_an_event_is_no_event_to_the_Gateway(string body)
    {
        using var content = new StringContent(body, System.Text.Encoding.UTF8, "application/cloudevents+json");

        using var response = await shop.Gateway.PostAsync(new Uri("/v2/sessions", UriKind.Relative), content);

        Assert.InRange((int)response.StatusCode, 400, 499);
    }

    [Theory]
    [InlineData("/ops/", "text/html", "Dead letters")]
    [InlineData("/ops/ops.js", "text/javascript", "admin/dead-letters")]
    [InlineData("/ops/ops.css", "text/css", "table")]
    public async Task The_operators_page_is_served_and_may_run_nothing_but_its_own_script(string path, string type, string says)
    {
        using var response = await shop.Gateway.GetAsync(new Uri(path, UriKind.Relative));

        Assert.Equal(type, response.Content.Headers.ContentType?.MediaType);
        Assert.Contains(says, await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.StartsWith("default-src 'self';", response.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_overview_says_what_is_wrong_with_a_cursor()
    {
        using var ann = await shop.NewShopper();

        Assert.Equal(400, (await V2Client.Problem(await ann.Send(HttpMethod.Get, $"/v2/users/{ann.UserId}/overview?cursor=x"))).Status);
    }

    [Theory]
    [InlineData("off", 404)]
    [InlineData("operators", 401)]
    public async Task V1_can_be_closed(string setting, int status)
    {
        var (gateway, address) = await shop.StartGateway(("Gateway:V1", setting));
        await using (gateway)
        {
            using var anybody = new V2Client(address, null);

            Assert.Equal(status, (await V2Client.Problem(await anybody.Send(HttpMethod.Get, "/v1/products"))).Status);
        }
    }

    [Fact]
    public async Task A_users_orders_come_with_payment_shipment_and_messages_and_say_which_service_is_away()
    {
        using var ann = await shop.NewShopper();
        var order = (string)(await ann.Created("/v2/orders", new { items = new[] { new { productId = await shop.NewProduct(), quantity = 1 } } }))["id"]!;
        await shop.WaitFor(order, "delivered");
        var whole = await Eventually(ann, overview => overview["orders"]![0]!["messages"]!.AsArray().Count == 4);
        Assert.Equal("completed", (string?)whole["orders"]![0]!["payment"]!["status"]);
        Assert.Equal("delivered", (string?)whole["orders"]![0]!["shipment"]!["status"]);
        Assert.Empty(whole["unavailable"]!.AsArray());

        await shop.StopService("shipping");
        try
        {
            var partial = await ann.Get($"/v2/users/{ann.UserId}/overview");

            Assert.Equal(["shipping"], partial["unavailable"]!.AsArray().Select(name => (string?)name));
            Assert.Null(partial["orders"]![0]!["shipment"]);
            Assert.Equal("completed", (string?)partial["orders"]![0]!["payment"]!["status"]);
            using var direct = await ann.Send(HttpMethod.Get, $"/v2/shipments/{order}");
            Assert.Equal(HttpStatusCode.ServiceUnavailable, direct.StatusCode);
            Assert.Equal("shipping", (string?)JsonNode.Parse(await direct.Content.ReadAsStringAsync())!["service"]);
        }
        finally
        {
            await shop.StartService("shipping");
        }
    }

    private static Task<JsonNode> Eventually(V2Client client, Func<JsonNode, bool> holds) => Testing.Eventually.Get(async () =>
        await client.Get($"/v2/users/{client.UserId}/overview") is { } overview && holds(overview) ? overview : null, "the overview to be whole");

    private static async Task<string?> AllowedOrigin(HttpClient http, string origin)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v2/products");
        request.Headers.Add("Origin", origin);
        using var response = await http.SendAsync(request);
        return response.Headers.TryGetValues("Access-Control-Allow-Origin", out var values) ? values.Single() : null;
    }
}
