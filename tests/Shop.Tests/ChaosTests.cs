using Xunit.Abstractions;

namespace Lavka.Shop.Tests;

/// <summary><c>--chaos</c>: a short seeded round; longer ones are for whoever has an hour.</summary>
[Collection(ProcessesCollection.Name)]
public sealed class ChaosTests(ITestOutputHelper output)
{
    // For .ci/chaos, which asks for every cell and for more faults (LAVKA_CHAOS).
    private static readonly string Faults = Environment.GetEnvironmentVariable("LAVKA_CHAOS") ?? "30";
    private static readonly string Seed = Environment.GetEnvironmentVariable("LAVKA_CHAOS_SEED") ?? "7";

    [Theory]
    [CellData("embedded", "sqlite", OnLinuxOnly = true)]
    [CellData("rabbitmq", "postgresql", InMatrixOnly = true, OnLinuxOnly = true)]
    [CellData("redis", "redis", InMatrixOnly = true, OnLinuxOnly = true)]
    public async Task After_faults_of_every_kind_the_audit_holds(string broker, string store)
    {
        await using var cell = await Cell.Start(broker, store);
        using var runner = cell.Shop.Start("--chaos", Faults, "--seed", Seed);

        var code = await runner.ExitCode(TimeSpan.FromHours(4));
        output.WriteLine($"chaos: {broker}, {store}\n{runner.Output}");
        Assert.True(code == 0, runner.Output);
        Assert.Contains("nothing is a dead letter but what means nothing", runner.Output, StringComparison.Ordinal);
        Assert.All(broker == "embedded" ? [] : new[] { broker, store }, server => Assert.Contains($"{server}: ", runner.Output, StringComparison.Ordinal));
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
}
