using System.Net;
using System.Text.Json.Nodes;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>Orders in v2: history, cancelling, lists, and what becomes of those whose money or parcel goes astray.</summary>
[Collection(V2Collection.Name)]
public sealed class OrderTests(InProcessShop shop) : IDisposable
{
    public void Dispose() => shop.CheckEvents();

    [Fact]
    public async Task An_address_has_a_length_that_every_step_of_an_order_can_bear()
    {
        using var shopper = await shop.NewShopper();
        var product = await shop.NewProduct();

        var (status, detail) = await V2Client.Problem(await shopper.Post("/v2/orders", new
        {
            items = new[] { new { productId = product, quantity = 1 } },
            address = new { name = "Ann", street = new string('x', 100_000), postalCode = "1", city = "Faraway", country = "X" },
        }));

        Assert.Equal((400, "The address's street has 100000 characters; allowed are 200."), (status, detail));
    }

    [Fact]
    public async Task The_history_tells_every_change_and_the_event_that_caused_it()
    {
        using var ann = await shop.NewShopper();
        var order = await Place(ann, await shop.NewProduct());
        await shop.WaitFor(order, "delivered");

        var changes = (await ann.Get($"/v2/orders/{order}/history"))["changes"]!.AsArray();

        Assert.Equal(["pending", "confirmed", "paid"], changes.Take(3).Select(change => (string?)change!["status"]));
        Assert.Equal("delivered", (string?)changes[^1]!["status"]);
        Assert.Equal([null, "stock.reserved", "payment.completed"], changes.Take(3).Select(change => (string?)change!["eventType"]));
        Assert.Contains(shop.Broker.Published, told => told.ToString()!.Contains((string)changes[1]!["eventId"]!, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Only_lawful_changes_of_status_are_made_and_the_answer_says_which_are()
    {
        using var ann = await shop.NewShopper();
        var order = await Place(ann, await shop.NewProduct());
        await shop.WaitFor(order, "delivered");

        using var cancelled = await ann.Send(HttpMethod.Patch, $"/v2/orders/{order}/status", new { status = "cancelled" });
        using var same = await ann.Send(HttpMethod.Patch, $"/v2/orders/{order}/status", new { status = "delivered" });
        using var none = await ann.Send(HttpMethod.Patch, $"/v2/orders/{order}/status", new { status = "eaten" });

        Assert.Equal(HttpStatusCode.Conflict, cancelled.StatusCode);
        Assert.Empty(JsonNode.Parse(await cancelled.Content.ReadAsStringAsync())!["allowed"]!.AsArray());
        Assert.Equal(HttpStatusCode.OK, same.StatusCode);
        Assert.Equal(HttpStatusCode.BadRequest, none.StatusCode);
        Assert.Contains("pending, confirmed", await none.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_customer_cancels_while_the_payment_is_away_and_gets_stock_and_money_back()
    {
        using var ann = await shop.NewShopper();
        var product = await shop.NewProduct(stock: 2);
        await shop.StopService("payments");
        try
        {
            var order = await Place(ann, product);
            await shop.WaitFor(order, "confirmed");
            using var paid = await ann.Send(HttpMethod.Patch, $"/v2/orders/{order}/status", new { status = "paid" });
            Assert.Equal(HttpStatusCode.Conflict, paid.StatusCode);
            Assert.Equal(["cancelled"], JsonNode.Parse(await paid.Content.ReadAsStringAsync())!["allowed"]!.AsArray().Select(status => (string?)status));

            await V2Client.Read(await ann.Send(HttpMethod.Patch, $"/v2/orders/{order}/status", new { status = "cancelled" }));

            await Stock(product, 2, 0);
        }
        finally
        {
            await shop.StartService("payments");
        }
    }

    [Fact]
    public async Task Lists_come_in_pages_that_stay_right_while_orders_are_added_and_can_be_filtered()
    {
        using var ann = await shop.NewShopper();
        var (none, some) = (await shop.NewProduct(stock: 0), await shop.NewProduct());
        var placed = new List<string>();
        for (var i = 0; i < 60; i++)
        {
            placed.Add(await Place(ann, i % 20 == 0 ? some : none));
        }

        foreach (var order in placed.Where((_, i) => i % 20 == 0))
        {
            await shop.WaitFor(order, "delivered");
        }

        var seen = new List<string>();
        for (var next = $"/v2/users/{ann.UserId}/orders?limit=25"; next is not null;)
        {
            var page = await ann.Get(next);
            seen.AddRange(page["items"]!.AsArray().Select(order => (string)order!["id"]!));
            next = (string?)page["nextCursor"] is { } cursor ? $"/v2/users/{ann.UserId}/orders?limit=25&cursor={cursor}" : null;
            await Place(ann, none);
        }

        Assert.Equal(Enumerable.Reverse(placed), seen);
        var delivered = await ann.Get($"/v2/users/{ann.UserId}/orders?status=delivered&limit=100");
        Assert.Equal(3, delivered["items"]!.AsArray().Count);
        foreach (var wrong in new[] { "status=eaten", "limit=0", "limit=101", "cursor=x", "cursor=-1" })
        {
            Assert.Equal(400, (await V2Client.Problem(await ann.Send(HttpMethod.Get, $"/v2/users/{ann.UserId}/orders?{wrong}"))).Status);
        }
    }

    [Fact]
    public async Task A_customer_orders_for_themselves_alone()
    {
        using var ann = await shop.NewShopper();
        using var bob = await shop.NewShopper();
        using var operators = await shop.SignInOperator();
        var wanted = new { userId = ann.UserId, items = new[] { new { productId = await shop.NewProduct(), quantity = 1 } } };

        using var forAnn = await bob.Post("/v2/orders", wanted);

        Assert.Equal(HttpStatusCode.Forbidden, forAnn.StatusCode);
        Assert.Equal(ann.UserId, (string?)(await operators.Created("/v2/orders", wanted))["userId"]);
    }

    [Fact]
    public async Task A_key_that_was_used_for_another_order_is_refused()
    {
        using var ann = await shop.NewShopper();
        var (tea, cups) = (await shop.NewProduct(), await shop.NewProduct());
        var first = await Place(ann, tea, key: "k");

        Assert.Equal(first, await Place(ann, tea, key: "k"));
        using var other = await ann.Post("/v2/orders", new { items = new[] { new { productId = cups, quantity = 1 } } }, "k");
        Assert.Equal(HttpStatusCode.Conflict, other.StatusCode);
    }

    [Fact]
    public async Task A_payment_whose_answer_was_lost_is_asked_for_again_and_made_once()
    {
        using var ann = await shop.NewShopper();
        using var operators = await shop.SignInOperator();

        var order = await Place(ann, await shop.NewProduct(price: 20.13m));

        await Delivered(order);
        Assert.Equal(["charge"], await Postings(operators, order));
    }

    [Fact]
    public async Task Money_that_comes_after_the_deadline_goes_back()
    {
        using var ann = await shop.NewShopper();
        using var operators = await shop.SignInOperator();
        var product = await shop.NewProduct(price: 20.14m, stock: 3);

        var order = (string)(await ann.Created("/v2/orders", new { items = new[] { new { productId = product, quantity = 1 } }, payWithinSeconds = 1 }))["id"]!;
        await Eventually.Get(async () =>
        {
            using var payment = await ann.Send(HttpMethod.Get, $"/v2/payments/{order}");
            return payment.IsSuccessStatusCode && (string?)JsonNode.Parse(await payment.Content.ReadAsStringAsync())!["status"] == "unknown" ? "" : null;
        }, "the provider to be asked");

        await Eventually.Get(async () => (await shop.Get<InProcessShop.OrderView>($"/v1/orders/{order}")).Status == "cancelled" ? "" : null, "the order to be cancelled");
        await Eventually.Get(async () =>
        {
            shop.Clock.Advance(TimeSpan.FromSeconds(1));
            return (string?)(await ann.Get($"/v2/payments/{order}"))["status"] == "refunded" ? "" : null;
        }, "the money to go back");
        Assert.Equal(["charge", "refund"], await Postings(operators, order));
        await Stock(product, 3, 0);
    }

    [Theory]
    [InlineData("approve", "delivered", "completed")]
    [InlineData("decline", "cancelled", "failed")]
    public async Task A_suspicious_payment_waits_for_an_operator(string decision, string becomes, string payment)
    {
        using var ann = await shop.NewShopper();
        using var operators = await shop.SignInOperator();
        var order = await Place(ann, await shop.NewProduct(price: 3500));
        await Eventually.Get(async () => (await operators.Get("/v2/payments?status=review&limit=100"))["items"]!.AsArray().Any(held => (string?)held!["orderId"] == order) ? "" : null, "the review");
        Assert.Equal("review", (string?)(await ann.Get($"/v2/payments/{order}"))["status"]);
        using var wrong = await operators.Post($"/v2/payments/{order}/review", new { decision = "perhaps" });
        Assert.Equal(HttpStatusCode.BadRequest, wrong.StatusCode);

        await operators.Created($"/v2/payments/{order}/review", new { decision });
        await operators.Created($"/v2/payments/{order}/review", new { decision });

        await shop.WaitFor(order, becomes);
        Assert.Equal(payment, (string?)(await ann.Get($"/v2/payments/{order}"))["status"]);
        using var late = await operators.Post($"/v2/payments/{order}/review", new { decision = decision == "approve" ? "decline" : "approve" });
        Assert.Equal(HttpStatusCode.Conflict, late.StatusCode);
    }

    [Fact]
    public async Task What_the_carrier_brings_back_is_refunded_and_on_the_shelf_again()
    {
        using var ann = await shop.NewShopper();
        using var operators = await shop.SignInOperator();
        var product = await shop.NewProduct(price: 30, stock: 4);

        var order = await Place(ann, product, city: "Nowhere");

        await shop.WaitFor(order, "returned");
        await Eventually.Get(async () => (string?)(await ann.Get($"/v2/payments/{order}"))["status"] == "refunded" ? "" : null, "the refund");
        Assert.Equal(["charge", "refund"], await Postings(operators, order));
        await Stock(product, 4, 0);
        await Eventually.Get(async () => (await ann.Get($"/v2/users/{ann.UserId}/messages"))["items"]!.AsArray().Any(told => (string?)told!["template"] == "order_returned") ? "" : null, "the message");
    }

    [Fact]
    public async Task The_ledger_is_balanced()
    {
        using var operators = await shop.SignInOperator();
        using var ann = await shop.NewShopper();
        await shop.WaitFor(await Place(ann, await shop.NewProduct(price: 11)), "delivered");

        var ledger = await operators.Get("/v2/ledger");

        Assert.True((bool)ledger["isBalanced"]!);
        Assert.True((decimal)ledger["totalDebit"]! > 0);
        var entries = await Entries(operators);
        foreach (var account in ledger["accounts"]!.AsArray())
        {
            var name = (string?)account!["account"];
            Assert.Equal(entries.Where(entry => (string?)entry["debit"] == name).Sum(entry => (decimal)entry["amount"]!), (decimal)account["debit"]!);
            Assert.Equal(entries.Where(entry => (string?)entry["credit"] == name).Sum(entry => (decimal)entry["amount"]!), (decimal)account["credit"]!);
        }
    }

    [Fact]
    public async Task No_card_data_is_kept()
    {
        using var ann = await shop.NewShopper();
        const string Card = "4111111111111111";
        var placed = await ann.Created("/v2/orders", new { items = new[] { new { productId = await shop.NewProduct(), quantity = 1 } }, cardNumber = Card, card = new { number = Card } });
        await shop.WaitFor((string)placed["id"]!, "delivered");

        Assert.True(await shop.Keeps((string)placed["id"]!));
        Assert.False(await shop.Keeps(Card));
    }

    private static async Task<List<JsonNode>> Entries(V2Client operators)
    {
        var entries = new List<JsonNode>();
        for (string? next = "/v2/ledger/entries"; next is not null;)
        {
            var page = await operators.Get(next);
            entries.AddRange(page["items"]!.AsArray().OfType<JsonNode>());
            next = (string?)page["nextCursor"] is { } cursor ? $"/v2/ledger/entries?cursor={cursor}" : null;
        }

        return entries;
    }

    private static async Task<IEnumerable<string?>> Postings(V2Client operators, string order) =>
        (await Entries(operators)).Where(entry => (string?)entry["orderId"] == order).Select(entry => (string?)entry["kind"]);

    private static async Task<string> Place(V2Client client, string product, string? key = null, string? city = null)
    {
        object? address = city is null ? null : new { name = "Ann", street = "Lane 1", postalCode = "1", city, country = "X" };
        return (string)(await client.Created("/v2/orders", new { items = new[] { new { productId = product, quantity = 1 } }, address }, key))["id"]!;
    }

    private Task Delivered(string order) => Eventually.Get(async () =>
    {
        // Whoever is to ask again, asks by the clock.
        shop.Clock.Advance(TimeSpan.FromSeconds(1));
        return (await shop.Get<InProcessShop.OrderView>($"/v1/orders/{order}")).Status == "delivered" ? "" : null;
    }, $"order {order} to be delivered");

    private Task Cancelled(string order, string reason) => Eventually.Get(async () =>
    {
        shop.Clock.Advance(TimeSpan.FromSeconds(1));
        return await shop.Get<InProcessShop.OrderView>($"/v1/orders/{order}") is { Status: "cancelled" } found && found.Reason!.Contains(reason, StringComparison.Ordinal) ? "" : null;
    }, $"order {order} to be cancelled");

    private Task Stock(string product, long onHand, long sold) => Eventually.Get(async () =>
        await shop.Get<InProcessShop.StockView>($"/v1/inventory/{product}") == new InProcessShop.StockView(onHand, 0, sold) ? "" : null, "the stock");
}
