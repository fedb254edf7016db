using System.Net;
using System.Text;
using Lavka.Testing;
using static Lavka.Shop.Tests.InProcessShop;

namespace Lavka.Shop.Tests;

/// <summary>An order's way through the services. Here on the embedded log and SQLite; <see cref="SagaMatrixTests"/> runs them on every broker and database.</summary>
public sealed class SagaTests(InProcessShop shop) : IClassFixture<InProcessShop>, IDisposable
{
    public void Dispose() => shop.CheckEvents();

    [Fact]
    public async Task An_order_goes_all_the_way()
    {
        var (user, product) = (await shop.NewUser(), await shop.NewProduct(price: 12.5m, stock: 5));

        var placed = await shop.Place(user, product, quantity: 2);

        Assert.Equal(("pending", 25m), (placed.Status, placed.Total));
        var delivered = await shop.WaitFor(placed.Id, "delivered");
        Assert.StartsWith("LV", delivered.TrackingNumber, StringComparison.Ordinal);
        Assert.Equal(new PaymentView("completed", 25), await shop.Get<PaymentView>($"/v1/payments/{placed.Id}"));
        await Eventually.Get(async () => await shop.FindStock(product) == new StockView(3, 0, 2) ? "" : null, "the stock to be taken");
        await Eventually.Get(async () => (await shop.Get<List<MessageView>>($"/v1/users/{user}/messages")).Select(message => message.Template).Order()
            .SequenceEqual(["order_confirmation", "order_delivered", "order_shipped", "payment_receipt", "welcome"]) ? "" : null, "every message, once");
        await Eventually.Get(async () => (await shop.Get<UserView>($"/v1/users/{user}")).CommunicationSent ? "" : null, "the welcome to be confirmed");
    }

    [Fact]
    public async Task An_order_for_more_than_there_is_is_cancelled_and_takes_nothing()
    {
        var (user, product) = (await shop.NewUser(), await shop.NewProduct(stock: 3));

        var placed = await shop.Place(user, product, quantity: 4);

        Assert.Contains("3 on hand", (await shop.WaitFor(placed.Id, "cancelled")).Reason, StringComparison.Ordinal);
        Assert.Equal(new StockView(3, 0, 0), await shop.Get<StockView>($"/v1/inventory/{product}"));
    }

    [Fact]
    public async Task A_declined_payment_gives_the_stock_back()
    {
        var (user, product) = (await shop.NewUser(), await shop.NewProduct(price: 6000, stock: 3));

        var placed = await shop.Place(user, product);

        await shop.WaitFor(placed.Id, "cancelled");
        Assert.Equal("failed", (await shop.Get<PaymentView>($"/v1/payments/{placed.Id}")).Status);
        await Eventually.Get(async () => await shop.FindStock(product) == new StockView(3, 0, 0) ? "" : null, "the stock to be released");
    }

    [Fact]
    public async Task The_same_request_with_the_same_key_is_one_order()
    {
        var (user, product) = (await shop.NewUser(), await shop.NewProduct());

        var orders = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => shop.Place(user, product, idempotencyKey: "k")));

        Assert.Single(orders.Select(order => order.Id).Distinct());
        Assert.Single(await shop.Get<List<OrderView>>($"/v1/users/{user}/orders"));
    }

    [Fact]
    public async Task Of_the_last_piece_one_buyer_gets_it()
    {
        var (user, product) = (await shop.NewUser(), await shop.NewProduct(stock: 1));

        var orders = await Task.WhenAll(Enumerable.Range(0, 12).Select(_ => shop.Place(user, product)));

        await Eventually.Get(async () => (await shop.Get<List<OrderView>>($"/v1/orders?user_id={user}")).All(order => order.Status is "delivered" or "cancelled") ? "" : null, "all to finish");
        Assert.Single(await shop.Get<List<OrderView>>($"/v1/orders?user_id={user}"), order => order.Status == "delivered");
    }

    [Fact]
    public async Task Every_order_ends_although_the_broker_loses_one_event_in_twenty()
    {
        var (user, patience) = (await shop.NewUser(), TimeSpan.FromMinutes(2));
        shop.Broker.LoseOneIn(20);
        try
        {
            var (cheap, dear) = (await shop.NewProduct(stock: 12), await shop.NewProduct(price: 6000, stock: 5));
            var orders = new List<(string Product, OrderView Placed)>();
            foreach (var product in Enumerable.Repeat(cheap, 14).Append(dear).Append(dear))
            {
                orders.Add((product, await shop.Place(user, product)));
            }

            foreach (var (product, placed) in orders)
            {
                await Eventually.Get(async () =>
                {
                    await MoveOn();
                    return (await shop.Get<OrderView>($"/v1/orders/{placed.Id}")).Status is "delivered" or "cancelled" ? "" : null;
                }, $"order {placed.Id} to end", patience);
            }

            foreach (var (product, left) in new[] { (cheap, new StockView(0, 0, 12)), (dear, new StockView(5, 0, 0)) })
            {
                await Eventually.Get(async () =>
                {
                    await MoveOn();
                    return await shop.FindStock(product) == left ? "" : null;
                }, $"the stock of {product} to be {left}", patience);
            }
        }
        finally
        {
            shop.Broker.LoseOneIn(0);
        }
    }

    [Fact]
    public async Task An_order_that_is_not_paid_in_time_is_cancelled_and_its_stock_is_back()
    {
        var (user, product) = (await shop.NewUser(), await shop.NewProduct(stock: 2));
        await shop.StopService("payments");
        try
        {
            var placed = await shop.Place(user, product);
            var cancelled = await Eventually.Get(async () =>
            {
                // Whenever the deadline was set, now it is over.
                shop.Clock.Advance(PaymentDeadline);
                return await shop.Get<OrderView>($"/v1/orders/{placed.Id}") is { Status: "cancelled" } order ? order : null;
            }, "the order to be cancelled");

            Assert.Contains("in time", cancelled.Reason, StringComparison.Ordinal);
            await Eventually.Get(async () => await shop.FindStock(product) == new StockView(2, 0, 0) ? "" : null, "the stock to be released");
            using var payment = await shop.Gateway.GetAsync(new Uri($"/v1/payments/{placed.Id}", UriKind.Relative));
            Assert.Equal(HttpStatusCode.ServiceUnavailable, payment.StatusCode);
            Assert.Contains("payments", await payment.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }
        finally
        {
            await shop.StartService("payments");
        }
    }

    [Fact]
    public async Task An_order_placed_while_a_service_is_away_goes_on_when_it_is_back()
    {
        var (user, product) = (await shop.NewUser(), await shop.NewProduct());
        await shop.StopService("shipping");
        OrderView placed;
        try
        {
            placed = await shop.Place(user, product);
            await shop.WaitFor(placed.Id, "paid");
        }
        finally
        {
            await shop.StartService("shipping");
        }

        await shop.WaitFor(placed.Id, "delivered");
    }

    [Fact]
    public async Task Orders_are_accepted_while_the_broker_is_away_and_go_on_when_it_is_back()
    {
        var (user, product) = (await shop.NewUser(), await shop.NewProduct());
        await shop.WaitFor((await shop.Place(user, product)).Id, "delivered");
        OrderView placed;
        shop.Broker.TakeAway();
        try
        {
            placed = await shop.Place(user, product);
            Assert.Equal("pending", placed.Status);
        }
        finally
        {
            shop.Broker.GiveBack();
        }

        await shop.WaitFor(placed.Id, "delivered");
    }

    [Fact]
    public async Task Events_that_come_twice_or_late_or_fail_once_change_nothing()
    {
        var (user, product) = (await shop.NewUser(), await shop.NewProduct(price: 10, stock: 5));
        foreach (var topic in new[] { "orders", "inventory", "payments", "shipping" })
        {
            shop.Broker.Duplicate(topic, times: 4);
            shop.Broker.Fail(topic, times: 2);
            shop.Broker.Delay(topic, TimeSpan.FromMilliseconds(50), times: 2);
        }

        var placed = await shop.Place(user, product, quantity: 2);

        await shop.WaitFor(placed.Id, "delivered");
        Assert.Equal(new PaymentView("completed", 20), await shop.Get<PaymentView>($"/v1/payments/{placed.Id}"));
        await Eventually.Get(async () => await shop.FindStock(product) == new StockView(3, 0, 2) ? "" : null, "the stock to be taken once");
    }

    [Fact]
    public async Task A_delivered_order_cannot_be_cancelled()
    {
        var (user, product) = (await shop.NewUser(), await shop.NewProduct());
        var placed = await shop.Place(user, product);
        await shop.WaitFor(placed.Id, "delivered");

        using var response = await Patch($"/v1/orders/{placed.Id}/status", """{"status":"cancelled"}""");

        Assert.Equal(HttpStatusCode.Conflict, response.StatusCode);
    }

    [Fact]
    public async Task An_order_is_cancelled_by_its_customer_while_it_waits_for_its_payment()
    {
        var (user, product) = (await shop.NewUser(), await shop.NewProduct(stock: 2));
        await shop.StopService("payments");
        try
        {
            var placed = await shop.Place(user, product);
            await shop.WaitFor(placed.Id, "confirmed");

            using var response = await Patch($"/v1/orders/{placed.Id}/status", """{"status":"cancelled"}""");

            Assert.Equal(HttpStatusCode.OK, response.StatusCode);
            await Eventually.Get(async () => await shop.FindStock(product) == new StockView(2, 0, 0) ? "" : null, "the stock to be released");
        }
        finally
        {
            await shop.StartService("payments");
        }
    }

    [Fact]
    public async Task An_event_that_can_never_pass_becomes_a_dead_letter()
    {
        using var event_ = new StringContent("""{"id":"e1","type":"payment.completed","source":"test","specversion":"1.0","data":{"orderId":"no-such-order","userId":"u","amount":1}}""", Encoding.UTF8);
        event_.Headers.ContentType = new("application/cloudevents+json");
        using var http = new HttpClient();

        using var response = await http.PostAsync(new Uri(shop.SidecarOf("orders"), "/v1.0/invoke/orders/method/events/payments/payment.completed"), event_);

        Assert.Equal("""{"status":"DROP"}""", await response.Content.ReadAsStringAsync());
        var deadLetter = await shop.Broker.WaitFor("orders.dead-letters");
        Assert.Contains("no-such-order", deadLetter.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_payment_that_a_client_asks_for_is_the_one_payment_of_the_order()
    {
        var (user, product) = (await shop.NewUser(), await shop.NewProduct(price: 30));
        var placed = await shop.Place(user, product);
        await shop.WaitFor(placed.Id, "delivered");

        var payment = await shop.Post<PaymentView>("/v1/payments", new { OrderId = placed.Id });

        Assert.Equal(new PaymentView("completed", 30), payment);
    }

    /// <summary>Moves the clock, unless something is still on its way: a clock that overtakes the broker brings the payment's deadline before what is to be paid.</summary>
    private async Task MoveOn()
    {
        var before = shop.Broker.Published.Count;
        await Task.Delay(TimeSpan.FromMilliseconds(200));
        if (shop.Broker.Published.Count == before)
        {
            shop.Clock.Advance(TimeSpan.FromSeconds(10));
        }
    }

    private Task<HttpResponseMessage> Patch(string path, string json) => shop.Gateway.PatchAsync(new Uri(path, UriKind.Relative), new StringContent(json, Encoding.UTF8, "application/json"));
}
