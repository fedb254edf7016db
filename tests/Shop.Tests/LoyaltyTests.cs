using System.Diagnostics;
using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Lavka.ServiceDefaults;
using Lavka.Sidecar;
using Lavka.Sidecar.Testing;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>Loyalty, which is JavaScript, as a process beside a sidecar.</summary>
public sealed class LoyaltyTests : IAsyncLifetime
{
    private const string Loyalty = "services/Loyalty";

    private readonly TempFolder _data = new();
    private readonly int _appPort = Ports.Free();
    private readonly int _daprPort = Ports.Free();
    private readonly TestBroker _broker = new();
    private readonly HttpClient _http = new(new SocketsHttpHandler { UseProxy = false });
    private LoyaltyProcess? _node;
    private readonly List<IAsyncDisposable> _sidecars = [];
    private Uri _dapr = null!;
    private Uri _daprOfOrders = null!;

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        _node?.Dispose();
        await StopSidecars();
        _http.Dispose();
        _data.Dispose();
    }

    [NodeFact(Loyalty)]
    public async Task A_paid_order_earns_a_point_for_every_whole_unit_of_its_total()
    {
        await Start();

        await Publish(Paid("o-1", "ann", 259.80m), Paid("o-2", "ann", 0.99m), Paid("o-3", "b||ob", 10));
        await Delivered("o-1", "o-2", "o-3");

        Assert.Equal(new("ann", 259, 2), await PointsOf("ann"));
        Assert.Equal(new("b||ob", 10, 1), await PointsOf("b||ob"));
        Assert.Equal(new("eve", 0, 0), await PointsOf("eve"));
    }

    [NodeFact(Loyalty)]
    public async Task Events_that_come_twice_count_once()
    {
        await Start();

        await Publish(Paid("o-1", "ann", 20), Paid("o-1", "ann", 20), Paid("o-2", "ann", 5), Off("order.returned", "o-2", "ann"), Off("order.returned", "o-2", "ann"), Paid("o-1", "ann", 20));
        await Delivered("o-1", "o-2");

        Assert.Equal(new("ann", 20, 1), await PointsOf("ann"));
    }

    [NodeFact(Loyalty)]
    public async Task A_cancellation_that_overtakes_the_payment_leaves_no_points()
    {
        await Start();

        await Publish(Off("order.cancelled", "o-1", "ann"), Paid("o-1", "ann", 20));
        await Delivered("o-1");

        Assert.Equal(new("ann", 0, 0), await PointsOf("ann"));
    }

    [NodeFact(Loyalty)]
    public async Task The_points_of_an_order_that_comes_back_go()
    {
        await Start();
        await Publish(Paid("o-1", "ann", 20), Paid("o-2", "ann", 7));
        await Eventually.Get(async () => (await PointsOf("ann")).Orders == 2 ? "" : null, "the points");

        await Publish(Off("order.returned", "o-1", "ann"));
        await Delivered("o-1", "o-2");

        Assert.Equal(new("ann", 7, 1), await PointsOf("ann"));
    }

    [NodeFact(Loyalty)]
    public async Task Many_events_for_one_user_at_once_are_exact()
    {
        await Start();
        string[] orders = [.. Enumerable.Range(0, 100).Select(i => $"o-{i}")];

        await Task.WhenAll(orders.Select((order, i) => Publish(Paid(order, "ann", i + 0.5m))));
        await Task.WhenAll(orders.Where((_, i) => i % 4 == 0).Select(order => Publish(Off("order.cancelled", order, "ann"))));
        await Delivered(orders);

        Assert.Equal(new("ann", Enumerable.Range(0, 100).Where(i => i % 4 != 0).Sum(), 75), await PointsOf("ann"));
    }

    [NodeFact(Loyalty)]
    public async Task An_event_that_can_never_pass_is_dropped_and_the_next_is_taken()
    {
        await Start();
        var malformed = Paid("o-1", "ann", 20);
        malformed.Data["total"] = "lots";

        await Publish(malformed with { Id = "bad-1" }, Paid("o-1", "ann", 30));
        await Delivered("o-1");

        Assert.Equal(new("ann", 30, 1), await PointsOf("ann"));
        await Eventually.Holds(() => _node!.Output.Contains("Event 'bad-1' (order.paid) can never pass", StringComparison.Ordinal), "the reason in the log");
        var letter = await _broker.WaitFor("loyalty.dead-letters");
        Assert.Contains("data/total", letter.ToString(), StringComparison.Ordinal);
    }

    [NodeFact(Loyalty)]
    public async Task A_dead_letter_is_listed_read_refused_again_and_passes_when_its_data_is_mended()
    {
        await Start();
        var order = Paid("o-1", "ann", 20) with { Id = "bad-1" };
        order.Data.Remove("total");

        await Publish(order, order);
        var letter = await Eventually.Get(async () => (await Letters()).SingleOrDefault(one => one.Refusals == 2), "both refusals, in one dead letter");
        Assert.Equal(("bad-1", "order.paid", "/events/orders", false), (letter.EventId, letter.Type, letter.Path, letter.IsResent));
        Assert.Contains("total", letter.Reason, StringComparison.Ordinal);
        Assert.Equal("o-1", letter.Data.GetProperty("orderId").GetString());
        Assert.InRange(DateTimeOffset.UtcNow - letter.At, TimeSpan.Zero, TimeSpan.FromMinutes(1));

        Assert.Equal((HttpStatusCode.Conflict, "The event 'bad-1' was refused again; the dead letter says why."), await Problem(HttpMethod.Post, $"/{letter.Id}/resend"));
        Assert.Equal(3, (await Ask<DeadLetter>(HttpMethod.Get, $"/{letter.Id}")).Refusals);

        order.Data["total"] = "lots";
        await Mend(letter, order.Data);
        Assert.Equal(HttpStatusCode.Conflict, (await Problem(HttpMethod.Post, $"/{letter.Id}/resend")).Status);
        Assert.Contains("data/total", (await Ask<DeadLetter>(HttpMethod.Get, $"/{letter.Id}")).Reason, StringComparison.Ordinal);

        order.Data["total"] = 20;
        await Mend(letter, order.Data);
        for (var i = 0; i < 2; i++)
        {
            Assert.True((await Ask<DeadLetter>(HttpMethod.Post, $"/{letter.Id}/resend")).IsResent);
        }

        Assert.Empty(await Letters());
        Assert.True((await Ask<DeadLetter>(HttpMethod.Get, $"/{letter.Id}")).IsResent);
        Assert.Equal(new("ann", 20, 1), await PointsOf("ann"));
    }

    [NodeFact(Loyalty)]
    public async Task Data_that_is_no_object_becomes_a_dead_letter_as_it_is()
    {
        await Start();
        string[] data = ["null", "0", "\"\"", "[1]"];

        foreach (var one in data)
        {
            using var response = await PostToApp(new { id = $"bad|| {one}", type = "order.paid", data = JsonNode.Parse(one) });
            Assert.Contains("DROP", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        var letters = await Letters();
        Assert.Equal(data.Reverse().Select(one => ($"bad|| {one}", one)), letters.Select(letter => (letter.EventId, letter.Data.GetRawText())));
        foreach (var letter in letters)
        {
            Assert.Equal(HttpStatusCode.Conflict, (await Problem(HttpMethod.Post, $"/{letter.Id}/resend")).Status);
        }
    }

    [NodeFact(Loyalty)]
    public async Task Many_dead_letters_at_once_are_all_kept_and_listed_in_pages()
    {
        await Start();
        string[] ids = [.. Enumerable.Range(0, 120).Select(i => $"bad-{i}")];

        await Task.WhenAll(ids.Select(async id => (await PostToApp(new { id, type = "order.returned", data = new { } })).Dispose()));
        using var last = await PostToApp(new { id = "last", type = "order.returned", data = new { } });

        var first = await Ask<Page<DeadLetter>>(HttpMethod.Get, "?limit=40");
        Assert.Equal((40, "last"), (first.Items.Count, first.Items[0].EventId));
        var second = await Ask<Page<DeadLetter>>(HttpMethod.Get, $"?limit=100&cursor={first.NextCursor}");
        Assert.Null(second.NextCursor);
        Assert.Equal(ids.Append("last").Order(), first.Items.Concat(second.Items).Select(letter => letter.EventId).Order());
    }

    [NodeFact(Loyalty)]
    public async Task What_is_asked_wrongly_of_dead_letters_is_refused()
    {
        await Start();

        Assert.Empty((await Ask<Page<DeadLetter>>(HttpMethod.Get, "?cursor=&limit=")).Items);
        Assert.Equal((HttpStatusCode.NotFound, "There is no dead letter 'x||y'."), await Problem(HttpMethod.Get, "/x||y"));
        Assert.Equal((HttpStatusCode.NotFound, "There is no dead letter 'x'."), await Problem(HttpMethod.Post, "/x/resend"));
        Assert.Equal((HttpStatusCode.BadRequest, "'x' is no place in this list; take the one that the answer before it gave."), await Problem(HttpMethod.Get, "?cursor=x"));
        Assert.Equal((HttpStatusCode.BadRequest, "The limit is 101; allowed is a whole number from 1 to 100."), await Problem(HttpMethod.Get, "?limit=101"));
    }

    [NodeFact(Loyalty)]
    public async Task What_cannot_be_kept_or_resent_now_can_be_later()
    {
        await Start();
        await Publish(Off("order.returned", "o-1", "ann") with { Id = "bad-1", Data = new() { ["orderId"] = "o-1" } });
        var letter = await Eventually.Get(async () => (await Letters()).SingleOrDefault(), "the dead letter");
        await StopSidecars();

        using var delivery = await PostToApp(new { id = "bad-2", type = "order.returned", data = new { } });
        Assert.Contains("RETRY", await delivery.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        using var resend = await _http.PostAsync($"http://127.0.0.1:{_appPort}/dead-letters/{letter.Id}/resend", null);
        Assert.Equal((HttpStatusCode.ServiceUnavailable, "application/problem+json"), (resend.StatusCode, resend.Content.Headers.ContentType?.MediaType));

        await StartSidecar();
        await Mend(letter, Off("order.returned", "o-1", "ann").Data);
        Assert.True((await Ask<DeadLetter>(HttpMethod.Post, $"/{letter.Id}/resend")).IsResent);
    }

    [NodeFact(Loyalty)]
    public async Task Killed_in_the_middle_it_counts_exactly()
    {
        await Start();
        string[] orders = [.. Enumerable.Range(0, 200).Select(i => $"o-{i}")];
        Task PublishAll(IEnumerable<string> some) => Task.WhenAll(some.Select(order => Publish(Paid(order, $"user-{order[^1]}", 10), Paid(order, $"user-{order[^1]}", 10))));

        var first = PublishAll(orders.Take(100));
        await Eventually.Get(async () => (await PointsOf("user-1")).Orders > 0 ? "" : null, "the first points");
        _node!.Kill();
        await first;
        await PublishAll(orders.Skip(100));
        _node.Dispose();
        _node = new(_appPort, _daprPort);
        await Delivered(orders);

        for (var i = 0; i < 10; i++)
        {
            Assert.Equal(new($"user-{i}", 200, 20), await PointsOf($"user-{i}"));
        }
    }

    [NodeFact(Loyalty)]
    public async Task What_comes_while_the_state_store_is_away_is_taken_later()
    {
        await Start();
        await Publish(Paid("o-1", "ann", 20));
        await Delivered("o-1");

        await StopSidecars();
        using var response = await PostToApp(Paid("o-2", "ann", 5).ToCloudEvent());
        Assert.Contains("RETRY", await response.Content.ReadAsStringAsync(), StringComparison.Ordinal);

        await StartSidecar();
        await Publish(Paid("o-2", "ann", 5));
        await Delivered("o-1", "o-2");

        Assert.Equal(new("ann", 25, 2), await PointsOf("ann"));
    }

    [NodeFact(Loyalty)]
    public async Task It_waits_for_a_sidecar_that_starts_later_and_ends_when_it_is_told_to()
    {
        _node = new(_appPort, _daprPort);
        await Eventually.Get(async () => await IsHealthy() ? "" : null, "Loyalty to listen");
        using var unready = await _http.GetAsync($"http://127.0.0.1:{_appPort}/health/ready");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, unready.StatusCode);

        await StartSidecar();
        await Publish(Paid("o-1", "ann", 20));
        await Delivered("o-1");

        Assert.Equal(new("ann", 20, 1), await PointsOf("ann"));
        Assert.Equal(0, await _node.Terminate());
        Assert.Empty(_node.Output);
    }

    [NodeFact(Loyalty)]
    public async Task Customers_see_their_own_points_alone()
    {
        await Start();

        Assert.Equal(HttpStatusCode.OK, await StatusFor("ann", "customer"));
        Assert.Equal(HttpStatusCode.OK, await StatusFor("the operator", "operator"));
        Assert.Equal(HttpStatusCode.NotFound, await StatusFor("bob", "customer"));
        Assert.Equal(HttpStatusCode.NotFound, await StatusFor(null, "anonymous"));
        Assert.Equal(HttpStatusCode.OK, await StatusFor("orders", "service"));

        async Task<HttpStatusCode> StatusFor(string? user, string role)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_dapr, "/v1.0/invoke/loyalty/method/v2/users/ann/points"));
            request.Headers.Add(CallerTokens.Header, new CallerTokens("gateway", "", TimeProvider.System).For(new(user, role)));
            using var response = await _http.SendAsync(request);
            if (response.StatusCode == HttpStatusCode.NotFound)
            {
                Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
                Assert.Equal("There is no user 'ann'.", (string?)(await response.Content.ReadFromJsonAsync<JsonNode>())!["detail"]);
            }

            return response.StatusCode;
        }
    }

    [NodeFact(Loyalty)]
    public async Task With_tokens_it_takes_what_its_sidecar_brings_and_refuses_everybody_else()
    {
        _node = new(_appPort, _daprPort, new Dictionary<string, string> { ["DAPR_API_TOKEN"] = "for the sidecar", ["APP_API_TOKEN"] = "for the app" });
        await StartSidecar(apiToken: "for the sidecar", appToken: "for the app");
        _http.DefaultRequestHeaders.Add("dapr-api-token", "for the sidecar");
        _http.DefaultRequestHeaders.Add(CallerTokens.Header, new CallerTokens("gateway", "for the app", TimeProvider.System).ForService());

        await Publish(Paid("o-1", "ann", 20));
        await Delivered("o-1");
        Assert.Equal(new("ann", 20, 1), await PointsOf("ann"));

        foreach (var proof in new[] { "", "nonsense", new CallerTokens("gateway", "another", TimeProvider.System).ForService() })
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(_dapr, "/v1.0/invoke/loyalty/method/v2/users/ann/points"));
            request.Headers.Add(CallerTokens.Header, proof);
            using var unproved = await _http.SendAsync(request);
            Assert.Equal(HttpStatusCode.Unauthorized, unproved.StatusCode);
        }

        // This client's token is not the app's.
        using var refused = await _http.GetAsync($"http://127.0.0.1:{_appPort}/v2/users/ann/points");
        Assert.Equal((HttpStatusCode.Unauthorized, "application/problem+json"), (refused.StatusCode, refused.Content.Headers.ContentType?.MediaType));
        _http.DefaultRequestHeaders.Clear();
        using var stranger = await PostToApp(Paid("o-2", "ann", 1000).ToCloudEvent());
        Assert.Equal(HttpStatusCode.Unauthorized, stranger.StatusCode);
        Assert.True(await IsHealthy());
        using var ready = await _http.GetAsync($"http://127.0.0.1:{_appPort}/health/ready");
        Assert.Equal(HttpStatusCode.OK, ready.StatusCode);
    }

    [NodeFact(Loyalty)]
    public async Task Its_own_tests_pass()
    {
        using var node = Process.Start(new ProcessStartInfo("node", ["--test"]) { WorkingDirectory = LoyaltyProcess.Folder, RedirectStandardOutput = true })!;
        var output = await node.StandardOutput.ReadToEndAsync();
        await node.WaitForExitAsync();

        Assert.True(node.ExitCode == 0, output);
        Assert.DoesNotContain("# pass 0", output, StringComparison.Ordinal);
    }

    private async Task Start()
    {
        _node = new(_appPort, _daprPort);
        await StartSidecar();
    }

    private async Task StopSidecars()
    {
        foreach (var sidecar in _sidecars)
        {
            await sidecar.DisposeAsync();
        }

        _sidecars.Clear();
    }

    private async Task StartSidecar(string? apiToken = null, string? appToken = null)
    {
        var mesh = new SidecarMesh();
        var sidecar = await Sidecar.Sidecar.StartAsync(new()
        {
            AppId = "loyalty",
            Mesh = mesh,
            AppPort = _appPort,
            HttpPort = _daprPort,
            ResourcesPaths = [Path.Combine(Repository.Root, "components", "local")],
            DataPath = _data.Path,
            Broker = _broker,
            ApiToken = apiToken,
            AppToken = appToken,
        });
        _sidecars.Add(sidecar);

        // Nobody else may tell of orders.
        var orders = await Sidecar.Sidecar.StartAsync(new() { AppId = "orders", ResourcesPaths = [Path.Combine(Repository.Root, "components", "local")], DataPath = _data.Path, Mesh = mesh, Broker = _broker });
        _sidecars.Add(orders);
        (_dapr, _daprOfOrders) = (sidecar.HttpEndpoint, orders.HttpEndpoint);
        await sidecar.Ready;
    }

    private static Event Paid(string orderId, string userId, decimal total) => new("order.paid", new()
    {
        ["orderId"] = orderId,
        ["userId"] = userId,
        ["lines"] = new JsonArray(new JsonObject { ["productId"] = "tea", ["quantity"] = 1, ["price"] = total }),
        ["total"] = total,
    });

    private static Event Off(string type, string orderId, string userId) => new(type, new() { ["orderId"] = orderId, ["userId"] = userId, ["reason"] = "why not" });

    /// <summary>Publishes events, one after the other, as Orders does.</summary>
    private async Task Publish(params Event[] events)
    {
        foreach (var one in events)
        {
            using var response = await _http.PostAsJsonAsync(
                new Uri(_daprOfOrders, $"/v1.0/publish/pubsub/orders?metadata.cloudevent.type={one.Type}&metadata.cloudevent.id={one.Id}&metadata.partitionKey={one.PartitionKey}"), one.Data);
            Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
        }
    }

    /// <summary>Waits until everything that was published for these orders has been delivered: an order's events come one after the other, so its last one tells.</summary>
    private async Task Delivered(params string[] orders)
    {
        var last = Guid.NewGuid();
        await Task.WhenAll(orders.Select(order => Publish(Paid($"{last}-{order}", $"{last}-{order}", 1) with { PartitionKey = order })));
        foreach (var order in orders)
        {
            await Eventually.Get(async () => (await PointsOf($"{last}-{order}")).Orders == 1 ? "" : null, $"the deliveries for {order}");
        }
    }

    private async Task<Account> PointsOf(string userId)
    {
        using var response = await _http.GetAsync(new Uri(_dapr, $"/v1.0/invoke/loyalty/method/v2/users/{Uri.EscapeDataString(userId)}/points"));
        return response.IsSuccessStatusCode ? (await response.Content.ReadFromJsonAsync<Account>())! : new(userId, -1, -1);
    }

    private Task<HttpResponseMessage> PostToApp(object cloudEvent) => _http.PostAsJsonAsync($"http://127.0.0.1:{_appPort}/events/orders", cloudEvent);

    private async Task<IReadOnlyList<DeadLetter>> Letters() => (await Ask<Page<DeadLetter>>(HttpMethod.Get, "")).Items;

    /// <summary>Asks as the Gateway does.</summary>
    private async Task<T> Ask<T>(HttpMethod method, string path)
    {
        using var response = await AskForLetters(method, path);
        Assert.True(response.IsSuccessStatusCode, await response.Content.ReadAsStringAsync());
        return (await response.Content.ReadFromJsonAsync<T>())!;
    }

    private async Task<(HttpStatusCode Status, string? Detail)> Problem(HttpMethod method, string path)
    {
        using var response = await AskForLetters(method, path);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        return (response.StatusCode, (string?)(await response.Content.ReadFromJsonAsync<JsonNode>())!["detail"]);
    }

    private async Task<HttpResponseMessage> AskForLetters(HttpMethod method, string path)
    {
        using var request = new HttpRequestMessage(method, new Uri(_dapr, $"/v1.0/invoke/loyalty/method/dead-letters{path}"));
        return await _http.SendAsync(request);
    }

    /// <summary>Puts the letter into the store with other data, as whoever repairs data by hand does.</summary>
    private async Task Mend(DeadLetter letter, JsonObject data)
    {
        var value = letter with { Data = JsonSerializer.SerializeToElement(data) };
        using var response = await _http.PostAsJsonAsync(new Uri(_dapr, "/v1.0/state/statestore"), new[] { new { key = DeadLetter.KeyOf(letter.Id), value } });
        Assert.Equal(HttpStatusCode.NoContent, response.StatusCode);
    }

    private async Task<bool> IsHealthy()
    {
        try
        {
            var health = await _http.GetFromJsonAsync<JsonNode>($"http://127.0.0.1:{_appPort}/health");
            return (string?)health!["status"] == "healthy" && (string?)health["service"] == "loyalty-service";
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private sealed record Account(string UserId, long Points, long Orders);

    private sealed record Event(string Type, JsonObject Data)
    {
        public string Id { get; init; } = Guid.NewGuid().ToString();

        public string PartitionKey { get; init; } = (string)Data["orderId"]!;

        public object ToCloudEvent() => new { Id, Type, Data };
    }
}
