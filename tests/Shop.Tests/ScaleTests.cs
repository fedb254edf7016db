using Lavka.Run;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>Two instances of the services that an order goes through.</summary>
[Collection(ProcessesCollection.Name)]
public sealed class ScaleTests
{
    [Theory]
    [CellData("rabbitmq", "postgresql")]
    [CellData("kafka", "postgresql")]
    [CellData("redis", "redis")]
    public async Task While_one_of_two_instances_is_kept_down_the_other_has_its_work_and_the_audit_holds(string broker, string store)
    {
        await using var cell = await Cell.Start(broker, store);
        using var runner = cell.Shop.Start("--demo", "150", "--scale", "orders=2", "--scale", "inventory=2", "--scale", "payments=2");
        await runner.WaitFor("first order was delivered");
        using var http = new HttpClient { BaseAddress = cell.Shop.Gateway };

        // One of each, the first or the second; killed with -9 as often as it is started again.
        var victims = runner.Services().Where(service => service.Name is "Orders" or "Inventory" or "Payments").GroupBy(service => service.Name)
            .Select((instances, i) => instances.OrderBy(service => service.Id).ElementAt(i % 2).Port).ToHashSet();
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
        var placed = await Eventually.Get(async () => await DemoOrder.Place(http) is { IsSuccessStatusCode: true } answer ? answer : null, "an order to be accepted");
        await Eventually.Get(async () => await DemoOrder.StatusOf(http, placed) == "delivered" ? "" : null, "the order to be delivered by those who are left", TimeSpan.FromMinutes(2));
        await enough.CancelAsync();
        await killing;

        Assert.True(await runner.ExitCode() == 0, runner.Output);
        Assert.Contains("every order's history in lawful order", runner.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Instances_get_ports_of_their_own_that_no_outgoing_connection_is_given()
    {
        using var shop = new ShopFolder();
        var apps = RunFile.Load(shop.RunFile);

        var further = Scale.Out(apps, ["orders=20", "payments=20"]).Where(app => app.Instance > 1).ToList();

        var ports = further.SelectMany(app => new[] { app.HttpPort, app.AppPort!.Value }).ToList();
        Assert.Equal(76, ports.Distinct().Count());
        Assert.All(ports, port => Assert.InRange(port, 20_000, 32_000));
    }

    [Theory]
    [InlineData("orders", "write it like orders=2")]
    [InlineData("orders=0", "write it like orders=2")]
    [InlineData("nobody=2", "there is no such app")]
    public async Task A_wrong_scale_is_one_clear_sentence(string scale, string says)
    {
        using var shop = new ShopFolder();
        using var runner = shop.Start("--scale", scale);

        Assert.Equal(1, await runner.ExitCode());
        Assert.Contains(says, runner.Output, StringComparison.Ordinal);
    }
}
