using Lavka.Run;
using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary>Two instances of the services that an order goes through.</summary>
public sealed class ScaleTests
{
    [Theory]
    [CellData("rabbitmq", "postgresql")]
    [CellData("kafka", "postgresql")]
    public async Task The_audit_holds_with_two_instances_each_of_which_is_killed_once(string broker, string store)
    {
        await using var cell = await Cell.Start(broker, store);
        using var runner = cell.Shop.Start("--demo", "150", "--scale", "orders=2", "--scale", "inventory=2", "--scale", "payments=2");
        await runner.WaitFor("first order was delivered");

        foreach (var (name, id) in runner.Services().Where(service => service.Name is "Orders" or "Inventory" or "Payments"))
        {
            RunnerProcess.Kill(id);
            await Eventually.Holds(() => runner.Services().Count(service => service.Name == name && service.Id != id) == 2, $"{name} to be started again");
        }

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
