using System.Net;
using System.Text.Json.Nodes;
using Lavka.Contracts;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>Catalog and Inventory in v2: search, restock, low stock, what is not for sale any more, and many buyers at once.</summary>
[Collection(V2Collection.Name)]
public sealed class StockTests(InProcessShop shop) : IDisposable
{
    public void Dispose() => shop.CheckEvents();

    [Fact]
    public async Task Products_are_found_by_the_beginnings_of_words_and_by_price_and_category()
    {
        using var operators = await shop.SignInOperator();
        var mark = $"z{Guid.NewGuid():N}";
        await Add(operators, $"Green tea {mark}", 5, "tea", "Picked by hand");
        await Add(operators, $"Black tea {mark}", 9, "tea", null);
        await Add(operators, $"Teapot {mark}", 30, "pots", "For green and black tea");

        Assert.Equal(["Teapot", "Black tea", "Green tea"], await Find($"q={mark}"));
        Assert.Equal(["Teapot", "Black tea", "Green tea"], await Find($"q={mark} te"));
        Assert.Equal(["Teapot", "Green tea"], await Find($"q=GREEN {mark}"));
        Assert.Equal(["Green tea"], await Find($"q=hand {mark[..20]}"));
        Assert.Equal(["Black tea", "Teapot"], await Find($"q={mark}&minPrice=9&sort=price"));
        Assert.Equal(["Teapot", "Black tea"], await Find($"q={mark}&minPrice=9&sort=-price"));
        Assert.Equal(["Black tea", "Green tea"], await Find($"q={mark}&category=Tea&sort=name"));
        Assert.Equal(["Green tea"], await Find($"q={mark}&maxPrice=5"));
        Assert.Empty(await Find($"q={mark} coffee"));
        using var wrong = await operators.Send(HttpMethod.Get, "/v2/products?sort=colour");
        Assert.Equal(HttpStatusCode.BadRequest, wrong.StatusCode);
    }

    [Fact]
    public async Task A_changed_price_and_a_discontinued_product_are_found_so_and_the_index_is_built_again_at_the_start()
    {
        using var operators = await shop.SignInOperator();
        var mark = $"z{Guid.NewGuid():N}";
        var (tea, cup) = (await Add(operators, $"Tea {mark}", 5, null, null), await Add(operators, $"Cup {mark}", 5, null, null));
        await V2Client.Read(await operators.Send(HttpMethod.Patch, $"/v2/products/{tea}", new { price = 50 }));
        using var gone = await operators.Send(HttpMethod.Delete, $"/v2/products/{cup}");

        Assert.Equal(HttpStatusCode.NoContent, gone.StatusCode);
        Assert.Equal(["Tea"], await Find($"q={mark}&minPrice=50"));
        Assert.Equal(["Tea"], await Find($"q={mark}"));
        await shop.StopService("catalog");
        await shop.StartService("catalog");
        await Eventually.Get(async () =>
        {
            using var response = await shop.Gateway.GetAsync(new Uri($"/v2/products?q={mark}", UriKind.Relative));
            return response.IsSuccessStatusCode ? "" : null;
        }, "the index to be built");
        Assert.Equal(["Tea"], await Find($"q={mark}&minPrice=50"));
    }

    [Fact]
    public async Task Nobody_orders_what_is_not_for_sale_any_more_nor_is_it_restocked()
    {
        using var operators = await shop.SignInOperator();
        using var ann = await shop.NewShopper();
        var product = await shop.NewProduct();
        await Eventually.Get(() => shop.FindStock(product), "Inventory to have it");
        using var gone = await operators.Send(HttpMethod.Delete, $"/v2/products/{product}");

        await Eventually.Get(async () => (bool)(await operators.Get($"/v2/inventory/{product}"))["isDiscontinued"]! ? "" : null, "Inventory to know");

        await Eventually.Get(async () => (await V2Client.Problem(await ann.Post("/v2/orders", new { items = new[] { new { productId = product, quantity = 1 } } }))).Status == 400 ? "" : null, "Orders to know");
        Assert.Equal(409, (await V2Client.Problem(await operators.Post($"/v2/inventory/{product}/restocks", new { quantity = 1 }))).Status);
        Assert.Equal(404, (await V2Client.Problem(await operators.Post("/v2/inventory/nothing/restocks", new { quantity = 1 }))).Status);
        Assert.Equal(400, (await V2Client.Problem(await operators.Post($"/v2/inventory/{product}/restocks", new { quantity = 0 }))).Status);
    }

    [Fact]
    public async Task Low_stock_is_told_once_and_so_is_its_end_and_a_repeated_restock_counts_once()
    {
        using var operators = await shop.SignInOperator();
        using var ann = await shop.NewShopper();
        var product = await shop.NewProduct(stock: 7);
        await shop.WaitFor((string)(await ann.Created("/v2/orders", new { items = new[] { new { productId = product, quantity = 3 } } }))["id"]!, "delivered");
        await Told("stock.low", 1);

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => operators.Created($"/v2/inventory/{product}/restocks", new { quantity = 10 }, "k")));

        await Told("stock.replenished", 1);
        Assert.Equal(14, (long)(await operators.Get($"/v2/inventory/{product}"))["onHand"]!);
        Assert.Equal(409, (await V2Client.Problem(await operators.Post($"/v2/inventory/{product}/restocks", new { quantity = 11 }, "k"))).Status);
        Assert.Equal(1, Count("stock.low"));

        Task Told(string type, int times) => Eventually.Holds(() => Count(type) == times, $"{type} to be told");
        int Count(string type) => shop.Broker.Published.Count(told => told.ToString()!.Contains(type, StringComparison.Ordinal) && told.ToString()!.Contains(product, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Of_the_last_ten_pieces_sixty_four_buyers_get_ten()
    {
        var (user, product) = (await shop.NewUser(), await shop.NewProduct(stock: 10));

        var orders = await Task.WhenAll(Enumerable.Range(0, 64).Select(_ => shop.Place(user, product)));

        var ends = await Task.WhenAll(orders.Select(order => Eventually.Get(async () =>
            await shop.Get<InProcessShop.OrderView>($"/v1/orders/{order.Id}") is { Status: "delivered" or "cancelled" } end ? end : null, "the order to finish")));
        Assert.Equal(10, ends.Count(end => end.Status == "delivered"));
        await Eventually.Get(async () => await shop.Get<InProcessShop.StockView>($"/v1/inventory/{product}") == new InProcessShop.StockView(0, 0, 10) ? "" : null, "the stock");
    }

    [Fact]
    public async Task Several_lines_are_taken_together_or_not_at_all_however_many_want_them()
    {
        using var ann = await shop.NewShopper();
        var (tea, cup) = (await shop.NewProduct(stock: 20), await shop.NewProduct(stock: 5));

        // In both orders, so that two who wait for each other would show.
        var orders = await Task.WhenAll(Enumerable.Range(0, 24).Select(i => ann.Created("/v2/orders", new
        {
            items = (i % 2 == 0 ? new[] { tea, cup } : [cup, tea]).Select(product => new { productId = product, quantity = 1 }),
        })));

        foreach (var order in orders)
        {
            await Eventually.Get(async () => await shop.Get<InProcessShop.OrderView>($"/v1/orders/{order["id"]}") is { Status: "delivered" or "cancelled" } ? "" : null, "the order to finish");
        }

        await Eventually.Get(async () => await shop.Get<InProcessShop.StockView>($"/v1/inventory/{tea}") == new InProcessShop.StockView(15, 0, 5)
            && await shop.Get<InProcessShop.StockView>($"/v1/inventory/{cup}") == new InProcessShop.StockView(0, 0, 5) ? "" : null, "five of each");
    }

    [Fact]
    public async Task An_order_that_is_cancelled_in_the_moment_it_is_reserved_holds_nothing_and_its_events_need_not_come_again()
    {
        var product = await shop.NewProduct(stock: 100);
        await Eventually.Get(() => shop.FindStock(product), "Inventory to have it");
        var orders = Enumerable.Range(0, 100).Select(number => $"moment-{number}-{Guid.NewGuid():N}").ToList();

        var reserved = shop.DeliverInBulk("inventory", [.. orders.Select(order => new OrderCreated(order, "ann", [new(product, 1, 10)], 10))]);
        var released = shop.DeliverInBulk("inventory", [.. orders.Select(order => new OrderCancelled(order, "ann", "No longer wanted."))]);

        Assert.Equal(["SUCCESS"], (await reserved).Concat(await released).Distinct());
        Assert.Equal(new InProcessShop.StockView(100, 0, 0), await shop.FindStock(product));
    }

    private static async Task<string> Add(V2Client operators, string name, decimal price, string? category, string? description) =>
        (string)(await operators.Created("/v2/products", new { name, price, stock = 10, category, description }))["id"]!;

    /// <summary>The first words of the names.</summary>
    private async Task<IEnumerable<string>> Find(string query) => JsonNode.Parse(await shop.Gateway.GetStringAsync(new Uri($"/v2/products?{query}", UriKind.Relative)))!["items"]!.AsArray()
        .Select(product => ((string)product!["name"]!).Split(" z")[0]);
}
