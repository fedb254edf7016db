using Lavka.Testing;

namespace Lavka.Shop.Tests;

/// <summary><c>--chaos</c>: a short seeded round; longer ones are for whoever has an hour.</summary>
[Collection(ProcessesCollection.Name)]
public sealed class ChaosTests
{
    [LinuxFact]
    public Task After_faults_of_every_kind_the_audit_holds() => Suffer(new ShopFolder(), faults: 24, says: "a service is killed");

    [CellFact("rabbitmq", "postgresql")]
    public async Task After_faults_of_the_servers_too_the_audit_holds()
    {
        await using var cell = await Cell.Start("rabbitmq", "postgresql");
        await Suffer(cell.Shop, faults: 24, says: "postgresql: ");
    }

    [Theory]
    [InlineData("--chaos 0")]
    [InlineData("--chaos 5 --demo 5")]
    [InlineData("--chaos 5 --gateway http://127.0.0.1:1")]
    public async Task It_goes_with_nothing_else(string arguments)
    {
        using var shop = new ShopFolder();
        using var runner = shop.Start(arguments.Split(' '));

        Assert.Equal(1, await runner.ExitCode());
        Assert.Contains("--chaos takes a whole number from 1", runner.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Components_may_come_from_another_folder_which_must_be_there()
    {
        using var shop = new ShopFolder();
        using var runner = shop.Start("--resources-path", "nowhere");

        Assert.Equal(1, await runner.ExitCode());
        Assert.Contains("The folder 'nowhere' of --resources-path does not exist.", runner.Output, StringComparison.Ordinal);
    }

    private static async Task Suffer(ShopFolder folder, int faults, string says)
    {
        using var shop = folder;
        using var runner = shop.Start("--chaos", $"{faults}", "--seed", "7");

        Assert.True(await runner.ExitCode() == 0, runner.Output);
        Assert.Contains(says, runner.Output, StringComparison.Ordinal);
        Assert.Contains("nothing is a dead letter but what means nothing", runner.Output, StringComparison.Ordinal);
    }
}
