using System.Net;
using System.Net.ServerSentEvents;
using System.Text.Json.Nodes;
using Lavka.Contracts;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>The read side: what it shows, that it shows the same after it was made again, and goes on meanwhile.</summary>
[Collection(V2Collection.Name)]
public sealed class DashboardTests(InProcessShop shop) : IDisposable
{
    public void Dispose() => shop.CheckEvents();

    [Fact]
    public async Task It_shows_orders_revenue_top_products_and_stock_at_risk()
    {
        using var operators = await shop.SignInOperator();
        var before = await CaughtUp(operators);
        var (user, product) = (await shop.NewUser(), await shop.NewProduct(price: 1.5m, stock: 1006));
        await shop.WaitFor((await shop.Place(user, product, 1001)).Id, "delivered");
        await shop.WaitFor((await shop.Place(user, product, 900)).Id, "cancelled");

        var after = await Eventually.Get(async () => await operators.Get("/v2/dashboard") is { } seen
            && (int)seen["orders"]!["delivered"]! == (int)before["orders"]!["delivered"]! + 1 && (int)seen["orders"]!["cancelled"]! == (int)before["orders"]!["cancelled"]! + 1
            && seen["stockAtRisk"]!.AsArray().Any(risk => (string?)risk!["productId"] == product) ? seen : null, "the dashboard to know");

        Assert.Equal((decimal)before["revenue"]! + (1001 * 1.5m), (decimal)after["revenue"]!);
        Assert.Equal(product, (string?)after["topProducts"]![0]!["productId"]);
        Assert.Equal(1001, (long)after["topProducts"]![0]!["sold"]!);
        Assert.Equal(5, (long)after["stockAtRisk"]!.AsArray().First(risk => (string?)risk!["productId"] == product)!["onHand"]!);
    }

    [Fact]
    public async Task A_bulk_that_is_too_large_to_be_saved_at_once_is_saved_and_an_event_that_no_page_can_hold_is_left_out()
    {
        using var operators = await shop.SignInOperator();
        var before = await Position();
        ProductCreated[] large = [.. Enumerable.Range(0, 100).Select(i => Of(60_000))];

        Assert.All(await shop.DeliverInBulk("dashboard", [.. large, Of(70_000)]), status => Assert.Equal("SUCCESS", status));
        Assert.All(await shop.DeliverInBulk("dashboard", Of(10)), status => Assert.Equal("SUCCESS", status));

        await Eventually.Get(async () => await Position() >= before + 101 ? "" : null, "the projection to go on");
        Assert.Equal(0, await Position() - before - 101);

        async Task<int> Position() => (int)(await CaughtUp(operators))["position"]!;
        static ProductCreated Of(int characters) => new(Guid.NewGuid().ToString(), "Large", 1, 1, new('x', characters));
    }

    [Fact]
    public async Task Made_again_it_shows_the_same_and_goes_on_meanwhile()
    {
        using var operators = await shop.SignInOperator();
        var (user, product) = (await shop.NewUser(), await shop.NewProduct());
        foreach (var order in await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => shop.Place(user, product))))
        {
            await shop.WaitFor(order.Id, "delivered");
        }

        var before = await CaughtUp(operators);
        using var accepted = await operators.Post("/v2/admin/projections/dashboard/rebuild");
        Assert.Equal(HttpStatusCode.Accepted, accepted.StatusCode);
        var meanwhile = await shop.Place(user, product);
        await shop.WaitFor(meanwhile.Id, "delivered");

        await Eventually.Get(async () => (int)(await operators.Get("/v2/admin/projections/dashboard"))["generation"]! > (int)before["generation"]! ? "" : null, "the new projection to be shown");
        var after = await CaughtUp(operators);
        Assert.Equal((int)before["orders"]!["delivered"]! + 1, (int)after["orders"]!["delivered"]!);
        Assert.Equal((decimal)before["revenue"]! + 10, (decimal)after["revenue"]!);
        Assert.Equal(before["stockAtRisk"]!.ToJsonString(), after["stockAtRisk"]!.ToJsonString());

        using var sidecar = new HttpClient { BaseAddress = shop.SidecarOf("dashboard") };
        await Eventually.Get(async () =>
        {
            foreach (var key in new[] { $"dashboard-{before["generation"]}", $"order-{before["generation"]}-{meanwhile.Id}" })
            {
                using var kept = await sidecar.GetAsync(new Uri($"/v1.0/state/statestore/{key}", UriKind.Relative));
                if (kept.StatusCode != HttpStatusCode.NoContent)
                {
                    return null;
                }
            }

            return "";
        }, "what the old one knew to be deleted");
    }

    [Fact]
    public async Task Every_event_comes_as_it_happens_and_again_from_where_a_client_lost_its_connection()
    {
        using var operators = await shop.SignInOperator();
        using var customer = await shop.NewShopper();
        Assert.Equal(403, (await V2Client.Problem(await customer.Send(HttpMethod.Get, "/v2/admin/events"))).Status);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/v2/admin/events") { Headers = { { "Last-Event-ID", "x" } } };
        Assert.Equal(400, (await V2Client.Problem(await operators.Http.SendAsync(request))).Status);

        await using var live = await Listener.Start(operators, null);
        var order = await shop.Place(await shop.NewUser(), await shop.NewProduct());
        var first = await live.Next(order.Id);
        Assert.Equal("order.created", first.EventType);

        await using var again = await Listener.Start(operators, first.EventId);
        foreach (var listener in new[] { live, again })
        {
            Assert.Equal("order.confirmed", (await listener.Next(order.Id)).EventType);
            Assert.Equal("order.paid", (await listener.Next(order.Id)).EventType);
        }
    }

    [Fact]
    public async Task It_goes_on_where_it_was_after_a_restart()
    {
        using var operators = await shop.SignInOperator();
        var before = await CaughtUp(operators);
        await shop.StopService("dashboard");
        try
        {
            Assert.Equal(503, (await V2Client.Problem(await operators.Send(HttpMethod.Get, "/v2/dashboard"))).Status);
            await shop.WaitFor((await shop.Place(await shop.NewUser(), await shop.NewProduct())).Id, "delivered");
        }
        finally
        {
            await shop.StartService("dashboard");
        }

        await Eventually.Get(async () =>
        {
            using var response = await operators.Send(HttpMethod.Get, "/v2/dashboard");
            return response.IsSuccessStatusCode && (int)JsonNode.Parse(await response.Content.ReadAsStringAsync())!["orders"]!["delivered"]! == (int)before["orders"]!["delivered"]! + 1 ? "" : null;
        }, "what it missed");
    }

    [Fact]
    public async Task A_projection_that_there_is_none_of_is_not_found()
    {
        using var operators = await shop.SignInOperator();

        Assert.Equal(404, (await V2Client.Problem(await operators.Post("/v2/admin/projections/weather/rebuild"))).Status);
    }

    /// <summary>The dashboard once it shows what Orders has told of so far, and no order is on its way to a sale.</summary>
    private Task<JsonNode> CaughtUp(V2Client operators) => Eventually.Get(async () =>
    {
        var told = shop.Broker.Published.Where(@event => @event.Topic == "orders").ToLookup(@event => @event.Type!, @event => @event.Data<JsonNode>()["orderId"]!.ToString());
        var shown = await operators.Get("/v2/dashboard");
        var orders = shown["orders"]!.AsObject().ToDictionary(one => one.Key, one => (int)one.Value!);
        return new[] { "delivered", "cancelled", "returned" }.All(status => orders[status] == told[$"order.{status}"].Distinct().Count())
            && orders.Values.Sum() == told["order.created"].Distinct().Count() && orders["pending"] + orders["confirmed"] + orders["paid"] == 0 ? shown : null;
    }, "the dashboard to have read everything");

    /// <summary>Reads <c>/v2/admin/events</c>.</summary>
    private sealed class Listener(HttpResponseMessage response, IAsyncEnumerator<SseItem<string>> events) : IAsyncDisposable
    {
        public static async Task<Listener> Start(V2Client operators, string? lastEventId)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, "/v2/admin/events");
            if (lastEventId is not null)
            {
                request.Headers.Add("Last-Event-ID", lastEventId);
            }

            var response = await operators.Http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead);
            Assert.Equal("text/event-stream", response.Content.Headers.ContentType?.MediaType);
            return new(response, SseParser.Create(await response.Content.ReadAsStreamAsync()).EnumerateAsync().GetAsyncEnumerator());
        }

        /// <summary>The next event about an order.</summary>
        public async Task<SseItem<string>> Next(string orderId)
        {
            do
            {
                Assert.True(await events.MoveNextAsync().AsTask().WaitAsync(TimeSpan.FromSeconds(30)), "The stream has ended.");
            }
            while (!events.Current.Data.Contains(orderId, StringComparison.Ordinal));
            return events.Current;
        }

        public async ValueTask DisposeAsync()
        {
            response.Dispose();
            await events.DisposeAsync();
        }
    }
}
