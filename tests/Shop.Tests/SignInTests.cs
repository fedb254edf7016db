using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Lavka.ServiceDefaults;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>Who may do what.</summary>
[Collection(V2Collection.Name)]
public sealed class SignInTests(InProcessShop shop) : IDisposable
{
    public void Dispose() => shop.CheckEvents();

    [Fact]
    public async Task A_user_registers_signs_in_and_sees_themselves()
    {
        using var ann = await shop.NewShopper();

        var user = await ann.Get($"/v2/users/{ann.UserId}");

        Assert.Equal(ann.UserId, (string?)user["id"]);
        Assert.DoesNotContain("assword", user.ToJsonString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("operator@lavka.example", "wrong")]
    [InlineData("nobody@example.com", "correct horse")]
    [InlineData(null, null)]
    public async Task A_wrong_password_and_an_unknown_address_get_the_same_answer(string? email, string? password)
    {
        using var anybody = new V2Client(shop.AddressOf("gateway"), null);

        Assert.Equal((401, "The e-mail address or the password is wrong."), await V2Client.Problem(await anybody.Post("/v2/sessions", new { email, password })));
    }

    [Fact]
    public async Task After_wrong_passwords_the_next_waits_longer_and_longer_and_nobody_else_does()
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        using var anybody = new V2Client(shop.AddressOf("gateway"), null);
        await V2Client.Read(await anybody.Post("/v2/users", new { email, name = "Ann", password = "correct horse" }));

        // Each makes the next wait twice as long: however slow this machine is, one comes too soon.
        HttpResponseMessage answer;
        while ((answer = await Try("wrong")).StatusCode == HttpStatusCode.Unauthorized)
        {
            answer.Dispose();
        }

        using (answer)
        {
            Assert.Equal(HttpStatusCode.TooManyRequests, answer.StatusCode);
            Assert.InRange(answer.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 60);
        }

        using var bob = await shop.NewShopper();
        await Task.Delay(answer.Headers.RetryAfter!.Delta!.Value);
        await V2Client.Read(await Try("correct horse"));
        Assert.Equal(401, (await V2Client.Problem(await Try("wrong"))).Status);

        Task<HttpResponseMessage> Try(string password) => anybody.Post("/v2/sessions", new { email, password });
    }

    [Theory]
    [InlineData(Secrets.TokenKey)]
    [InlineData(Secrets.OperatorPassword)]
    [InlineData(Secrets.CarrierKey)]
    public void The_secrets_that_production_refuses_are_those_of_the_repository(string name)
    {
        var secrets = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(Path.Combine(Repository.Root, "components", "secrets.json")))!;

        Assert.Equal((string?)secrets[name], Secrets.OfDevelopment[name]);
    }

    [Fact]
    public async Task A_user_of_v1_has_no_password_and_cannot_sign_in()
    {
        var email = $"{Guid.NewGuid():N}@example.com";
        await shop.Post<InProcessShop.Created>("/v1/users", new { Email = email, Name = "Ann" });
        using var anybody = new V2Client(shop.AddressOf("gateway"), null);

        Assert.Equal(401, (await V2Client.Problem(await anybody.Post("/v2/sessions", new { email, password = "" }))).Status);
    }

    [Theory]
    [InlineData("short", "password")]
    [InlineData(null, "password")]
    public async Task A_password_must_be_one(string? password, string named)
    {
        using var anybody = new V2Client(shop.AddressOf("gateway"), null);

        var (status, detail) = await V2Client.Problem(await anybody.Post("/v2/users", new { email = $"{Guid.NewGuid():N}@example.com", name = "Ann", password }));

        Assert.Equal(400, status);
        Assert.Contains(named, detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Passwords_are_kept_hashed_and_appear_nowhere()
    {
        using var ann = await shop.NewShopper();

        Assert.True(await shop.Keeps(ann.UserId));
        Assert.False(await shop.Keeps("correct horse"));
    }

    [Theory]
    [InlineData("GET", "/v2/users/{id}")]
    [InlineData("GET", "/v2/users/{id}/orders")]
    [InlineData("GET", "/v2/users/{id}/overview")]
    [InlineData("GET", "/v2/users/{id}/cart")]
    [InlineData("POST", "/v2/users/{id}/cart/checkout")]
    [InlineData("GET", "/v2/users/{id}/messages")]
    [InlineData("PATCH", "/v2/users/{id}/preferences")]
    [InlineData("GET", "/v2/orders/{order}")]
    [InlineData("GET", "/v2/orders/{order}/history")]
    [InlineData("PATCH", "/v2/orders/{order}/status")]
    [InlineData("GET", "/v2/payments/{order}")]
    [InlineData("GET", "/v2/shipments/{order}")]
    public async Task What_is_anothers_is_not_there_and_needs_a_sign_in(string method, string path)
    {
        using var ann = await shop.NewShopper();
        using var bob = await shop.NewShopper();
        using var nobody = new V2Client(shop.AddressOf("gateway"), null);
        var order = await Delivered(ann);
        path = path.Replace("{id}", ann.UserId, StringComparison.Ordinal).Replace("{order}", order, StringComparison.Ordinal);
        object? body = method == "GET" ? null : new { status = "cancelled" };

        Assert.Equal(401, (await V2Client.Problem(await nobody.Send(new(method), path, body))).Status);
        Assert.Equal(404, (await V2Client.Problem(await bob.Send(new(method), path, body))).Status);
        using var own = await ann.Send(new(method), path, body);
        Assert.NotEqual(HttpStatusCode.NotFound, own.StatusCode);
        Assert.NotEqual(HttpStatusCode.Unauthorized, own.StatusCode);
    }

    [Theory]
    [InlineData("GET", "/v2/users")]
    [InlineData("POST", "/v2/products")]
    [InlineData("PATCH", "/v2/products/x")]
    [InlineData("DELETE", "/v2/products/x")]
    [InlineData("POST", "/v2/inventory/x/restocks")]
    [InlineData("GET", "/v2/payments?status=review")]
    [InlineData("POST", "/v2/payments/x/review")]
    [InlineData("GET", "/v2/ledger")]
    [InlineData("GET", "/v2/ledger/entries")]
    [InlineData("GET", "/v2/dashboard")]
    [InlineData("POST", "/v2/admin/projections/dashboard/rebuild")]
    [InlineData("GET", "/v2/admin/dead-letters")]
    [InlineData("POST", "/v2/admin/dead-letters/resend")]
    public async Task What_is_for_operators_is_refused_to_customers(string method, string path)
    {
        using var ann = await shop.NewShopper();
        using var nobody = new V2Client(shop.AddressOf("gateway"), null);
        object? body = method is "GET" or "DELETE" ? null : new { };

        Assert.Equal(401, (await V2Client.Problem(await nobody.Send(new(method), path, body))).Status);
        Assert.Equal(403, (await V2Client.Problem(await ann.Send(new(method), path, body))).Status);
    }

    [Fact]
    public async Task An_operator_sees_everybodys()
    {
        using var ann = await shop.NewShopper();
        using var operators = await shop.SignInOperator();
        var order = await Delivered(ann);

        Assert.Equal(order, (string?)(await operators.Get($"/v2/orders/{order}"))["id"]);
        Assert.Equal(ann.UserId, (string?)(await operators.Get("/v2/users?limit=1"))["items"]![0]!["id"]);
    }

    [Fact]
    public async Task A_token_that_was_tampered_with_is_refused()
    {
        using var ann = await shop.NewShopper();
        var parts = ann.Token.Split('.');
        var claims = Encoding.UTF8.GetString(Convert.FromBase64String(parts[1].PadRight((parts[1].Length + 3) / 4 * 4, '='))).Replace("customer", "operator", StringComparison.Ordinal);
        var unsigned = Convert.ToBase64String("""{"alg":"none","typ":"JWT"}"""u8).TrimEnd('=');
        var changed = Convert.ToBase64String(Encoding.UTF8.GetBytes(claims)).TrimEnd('=').Replace('+', '-').Replace('/', '_');

        foreach (var token in new[] { $"{parts[0]}.{changed}.{parts[2]}", $"{unsigned}.{changed}.", "nonsense", "" })
        {
            using var forger = new V2Client(shop.AddressOf("gateway"), null);
            forger.Http.DefaultRequestHeaders.TryAddWithoutValidation("Authorization", $"Bearer {token}");
            using var response = await forger.Send(HttpMethod.Get, "/v2/dashboard");
            Assert.Equal(HttpStatusCode.Unauthorized, response.StatusCode);
            Assert.Equal("Bearer", response.Headers.WwwAuthenticate.ToString());
        }
    }

    [Fact]
    public async Task A_token_does_not_last()
    {
        var (gateway, address) = await shop.StartGateway(("Gateway:TokenLifetime", "-00:10:00"));
        await using (gateway)
        {
            using var late = await V2Client.SignIn(address, "operator@lavka.example", "lavka-operator");

            Assert.Equal(401, (await V2Client.Problem(await late.Send(HttpMethod.Get, "/v2/dashboard"))).Status);
        }
    }

    [Fact]
    public async Task Who_the_caller_is_only_the_Gateway_says()
    {
        using var ann = await shop.NewShopper();
        ann.Http.DefaultRequestHeaders.Add("Lavka-Role", "operator");

        Assert.Equal(404, (await V2Client.Problem(await ann.Send(HttpMethod.Get, "/v2/orders/x"))).Status);
        using var products = await ann.Post("/v2/products", new { name = "Tea", price = 1, stock = 1 });
        Assert.Equal(HttpStatusCode.Forbidden, products.StatusCode);
    }

    [Theory]
    [InlineData("GET", "/v1/orders/..%2F..%2Fdapr%2Fsubscribe")]
    [InlineData("GET", "/v1/orders/%252e%252e/%252e%252e/dapr/subscribe")]
    [InlineData("GET", "/v1/orders/..%2F..%2Fdead-letters")]
    [InlineData("GET", "/v1/orders/..%5C..%5Cdead-letters")]
    [InlineData("GET", "/v2/products/..%2F..%2Fdead-letters")]
    [InlineData("PUT", "/v1/orders/..%2F..%2Factors%2FCartActor%2Fx%2Fmethod%2FClear")]
    [InlineData("POST", "/v1/orders/..%2F..%2Fevents%2Fpayments%2Fpayment.completed")]
    [InlineData("GET", "/v1/orders/a%7C%7Cb")]
    public async Task No_path_leads_around_the_Gateway(string method, string path)
    {
        // As it is written: a Uri would take the dots away.
        using var request = new HttpRequestMessage(new(method), new Uri(shop.AddressOf("gateway").OriginalString + path, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true }));
        request.Content = method == "GET" ? null : new StringContent("{}", MediaTypeHeaderValue.Parse("application/json"));

        Assert.Equal(404, (await V2Client.Problem(await shop.Gateway.SendAsync(request))).Status);
    }

    [Fact]
    public async Task Whoever_reaches_a_sidecar_speaks_for_nobody_without_proof()
    {
        var ours = new CallerTokens("gateway", InProcessShop.AppToken, TimeProvider.System);
        var late = new CallerTokens("gateway", InProcessShop.AppToken, new LongAgo()).ForService();
        var foreign = new CallerTokens("gateway", "another", TimeProvider.System).For(new("x", Roles.Operator));
        using var http = new HttpClient();

        Assert.Equal(HttpStatusCode.Unauthorized, await Ask(null));
        Assert.Equal(HttpStatusCode.Unauthorized, await Ask("nonsense"));
        Assert.Equal(HttpStatusCode.Unauthorized, await Ask(foreign));
        Assert.Equal(HttpStatusCode.Unauthorized, await Ask(late));
        Assert.Equal(HttpStatusCode.Forbidden, await Ask(ours.For(new("ann", Roles.Customer))));
        Assert.Equal(HttpStatusCode.OK, await Ask(ours.For(new("op", Roles.Operator))));

        async Task<HttpStatusCode> Ask(string? proof)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(shop.SidecarOf("users"), "/v1.0/invoke/payments/method/v2/ledger/entries"));
            request.Headers.Add("Lavka-Role", Roles.Operator);
            if (proof is not null)
            {
                request.Headers.Add(CallerTokens.Header, proof);
            }

            using var answer = await http.SendAsync(request);
            return answer.StatusCode;
        }
    }

    [Theory]
    [InlineData("orders", "payments", "payment.completed")]
    [InlineData("gateway", "orders", "order.paid")]
    [InlineData("users", "orders.dead-letters", "order.paid")]
    public async Task A_service_publishes_to_its_own_topics_alone(string appId, string topic, string type)
    {
        using var http = new HttpClient();
        using var event_ = new StringContent("{}", MediaTypeHeaderValue.Parse("application/json"));
        using var events = new StringContent("""[{"entryId":"1","event":{},"contentType":"application/json"}]""", MediaTypeHeaderValue.Parse("application/json"));

        using var one = await http.PostAsync(new Uri(shop.SidecarOf(appId), $"/v1.0/publish/pubsub/{topic}?metadata.cloudevent.type={type}"), event_);
        using var many = await http.PostAsync(new Uri(shop.SidecarOf(appId), $"/v1.0-alpha1/publish/bulk/pubsub/{topic}"), events);

        Assert.Equal((HttpStatusCode.Forbidden, HttpStatusCode.Forbidden), (one.StatusCode, many.StatusCode));
    }

    [Fact]
    public async Task Another_service_cannot_deliver_events()
    {
        using var http = new HttpClient();
        using var content = new StringContent("{}", MediaTypeHeaderValue.Parse("application/json"));

        using var answer = await http.PostAsync(new Uri(shop.SidecarOf("users"), "/v1.0/invoke/orders/method/events/payments/payment.completed"), content);

        Assert.Equal(HttpStatusCode.Forbidden, answer.StatusCode);
    }

    [Fact]
    public async Task A_service_answers_its_own_sidecar_alone()
    {
        using var http = new HttpClient();
        foreach (var (service, path) in new[] { ("orders", "/v1/orders?user_id=x"), ("users", "/v2/users"), ("payments", "/dapr/subscribe"), ("dashboard", "/v2/dashboard") })
        {
            using var direct = await http.GetAsync(new Uri(shop.AddressOf(service), path));
            Assert.Equal(HttpStatusCode.Unauthorized, direct.StatusCode);
        }

        using var forged = new HttpRequestMessage(HttpMethod.Post, new Uri(shop.AddressOf("orders"), "/events/payments/payment.completed")) { Content = new StringContent("{}", MediaTypeHeaderValue.Parse("application/json")) };
        using var answer = await http.SendAsync(forged);
        Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
    }

    private async Task<string> Delivered(V2Client client)
    {
        var product = await shop.NewProduct();
        var order = (string)(await client.Created("/v2/orders", new { items = new[] { new { productId = product, quantity = 1 } } }))["id"]!;
        await shop.WaitFor(order, "delivered");
        return order;
    }

    private sealed class LongAgo : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UtcNow.AddMinutes(-2);
    }
}
