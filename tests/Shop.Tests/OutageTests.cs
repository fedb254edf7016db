using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Lavka.Sidecar.Testing;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>
/// What a shop is made of goes away in the middle of the load, and comes back: servers for a while, instances of services again and again. Each service that an order goes through has two.
/// </summary>
public abstract class OutageTests(RunningShop shop)
{
    private const int Orders = 100;

    // Longer than whatever is waited for before it is given up: ten seconds (components/local/resiliency.yaml).
    private static readonly TimeSpan Outage = TimeSpan.FromSeconds(14);

    protected static readonly string[] Scale = ["--scale", "orders=2", "--scale", "inventory=2", "--scale", "payments=2"];

    protected async Task WithoutOneOfTwoInstances()
    {
        var runner = await shop.Running();
        using var demo = await shop.Demo(Orders);

        // One of each, the first or the second; killed with -9 as often as it is started again.
        var victims = runner.Services().Where(service => service.Name is "Orders" or "Inventory" or "Payments").GroupBy(service => service.Name)
            .Select((instances, i) => instances.OrderBy(service => service.Id).ElementAt(i % 2).Port).ToHashSet();
        Assert.Equal(3, victims.Count);
        using var enough = new CancellationTokenSource();
        var killing = Task.Run(async () =>
        {
            while (!enough.IsCancellationRequested)
            {
                foreach (var (_, id, _) in runner.Services().Where(service => victims.Contains(service.Port)))
                {
                    RunnerProcess.Kill(id);
                }

                await Task.Delay(50);
            }
        });
        var placed = await Eventually.Get(async () => await DemoOrder.Place(shop.Gateway) is { IsSuccessStatusCode: true } answer ? answer : null, "an order to be accepted");
        await Eventually.Get(async () => await DemoOrder.StatusOf(shop.Gateway, placed) == "delivered" ? "" : null, "the order to be delivered by those who are left", TimeSpan.FromMinutes(2));
        await enough.CancelAsync();
        await killing;

        Assert.True(await demo.ExitCode() == 0, demo.Output);
        Assert.Contains("every order's history in lawful order", demo.Output, StringComparison.Ordinal);
    }

    protected async Task WithoutBroker()
    {
        using var demo = await shop.Demo(Orders);

        await shop.Cell.InterruptBroker(Outage, async () =>
        {
            for (var i = 0; i < 5; i++)
            {
                using var answer = await DemoOrder.Place(shop.Gateway);
                Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
                Assert.Equal("pending", await DemoOrder.StatusOf(shop.Gateway, answer));
            }
        });

        Assert.True(await demo.ExitCode() == 0, demo.Output);
    }

    protected async Task WithoutDatabase()
    {
        using var demo = await shop.Demo(Orders);
        var order = await DemoOrder.Make(shop.Gateway);

        await shop.Cell.InterruptStore(Outage, async () =>
        {
            using var refused = await shop.Gateway.PostAsJsonAsync("/v1/orders", order);
            var problem = await refused.Content.ReadAsStringAsync();
            Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
            Assert.Contains("try again", JsonDocument.Parse(problem).RootElement.GetProperty("detail").GetString(), StringComparison.Ordinal);
        });

        Assert.True(await demo.ExitCode() == 0, demo.Output);
    }

    /// <param name="proxy">Payments' way to the broker.</param>
    protected async Task WithoutPayments(TcpProxy proxy)
    {
        using var demo = await shop.Demo(Orders);

        proxy.Pause();
        try
        {
            var length = Task.Delay(Outage);
            using var answer = await DemoOrder.Place(shop.Gateway);
            Assert.True(answer.IsSuccessStatusCode, await answer.Content.ReadAsStringAsync());
            await length;

            // Payments has not heard of it.
            Assert.Contains(await DemoOrder.StatusOf(shop.Gateway, answer), new[] { "pending", "confirmed" });
        }
        finally
        {
            proxy.Resume();
        }

        Assert.True(await demo.ExitCode() == 0, demo.Output);
    }
}
