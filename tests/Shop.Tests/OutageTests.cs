using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>Servers that go away for 20 s in the middle of the load, and come back.</summary>
[Collection(ProcessesCollection.Name)]
public sealed class OutageTests
{
    private static readonly TimeSpan Outage = TimeSpan.FromSeconds(20);

    [Theory]
    [CellData("rabbitmq", "sqlite")]
    [CellData("kafka", "sqlite")]
    [CellData("redis", "sqlite")]
    public async Task While_the_broker_is_away_orders_are_accepted_and_the_audit_holds_afterwards(string broker, string store)
    {
        await using var cell = await Cell.Start(broker, store);
        using var runner = cell.Shop.Start("--demo", "200");
        await runner.WaitFor("first order was delivered");
        using var http = new HttpClient { BaseAddress = cell.Shop.Gateway };

        await cell.InterruptBroker(Outage, async () =>
        {
            for (var i = 0; i < 5; i++)
            {
                using var answer = await DemoOrder.Place(http);
                Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
                Assert.Equal("pending", await DemoOrder.StatusOf(http, answer));
            }
        });

        Assert.True(await runner.ExitCode() == 0, runner.Output);
    }

    [Theory]
    [CellData("embedded", "postgresql")]
    [CellData("embedded", "redis")]
    public async Task While_the_database_is_away_orders_are_refused_clearly_and_the_audit_holds_afterwards(string broker, string store)
    {
        await using var cell = await Cell.Start(broker, store);
        using var runner = cell.Shop.Start("--demo", "200");
        await runner.WaitFor("first order was delivered");
        using var http = new HttpClient { BaseAddress = cell.Shop.Gateway };
        var order = await DemoOrder.Make(http);

        await cell.InterruptStore(Outage, async () =>
        {
            using var refused = await http.PostAsJsonAsync("/v1/orders", order);
            var problem = await refused.Content.ReadAsStringAsync();
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
            Assert.Contains("try again", JsonDocument.Parse(problem).RootElement.GetProperty("detail").GetString(), StringComparison.Ordinal);
        });

        Assert.True(await runner.ExitCode() == 0, runner.Output);
    }

    [Theory]
    [CellData("rabbitmq", "sqlite")]
    public async Task While_one_service_is_cut_off_from_the_broker_orders_wait_for_it_and_the_audit_holds_afterwards(string broker, string store)
    {
        await using var cell = await Cell.Start(broker, store);
        await using var proxy = TcpProxy.Start(cell.RabbitMq!.Port);
        cell.Shop.Divert("payments", $"127.0.0.1:{cell.RabbitMq.Port}", $"127.0.0.1:{proxy.Port}");
        using var runner = cell.Shop.Start("--demo", "200");
        await runner.WaitFor("first order was delivered");
        using var http = new HttpClient { BaseAddress = cell.Shop.Gateway };

        proxy.Pause();
        var length = Task.Delay(Outage);
        using var answer = await DemoOrder.Place(http);
        Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
        await length;

        // Payments has not heard of it.
        Assert.Contains(await DemoOrder.StatusOf(http, answer), new[] { "pending", "confirmed" });
        proxy.Resume();

        Assert.True(await runner.ExitCode() == 0, runner.Output);
    }
}
