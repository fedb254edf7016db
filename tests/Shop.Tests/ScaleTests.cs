using Lavka.Run;

namespace Lavka.Shop.Tests;

/// <summary>How several instances of a service are asked for; what they do is in <see cref="OutageTests"/>.</summary>
public sealed class ScaleTests
{
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
