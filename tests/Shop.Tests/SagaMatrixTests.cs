using System.Reflection;
using Xunit.Abstractions;

namespace Lavka.Shop.Tests;

/// <summary>The demo, and then each of <see cref="SagaTests"/>, on every broker with every database.</summary>
public sealed class SagaMatrixTests(ITestOutputHelper output)
{
    // One of each kind.
    private const int Orders = 20;

    [Theory]
    [CellData("embedded", "sqlite")]
    [CellData("embedded", "postgresql")]
    [CellData("in-memory", "sqlite")]
    [CellData("in-memory", "postgresql")]
    [CellData("rabbitmq", "sqlite")]
    [CellData("rabbitmq", "postgresql")]
    [CellData("kafka", "sqlite")]
    [CellData("kafka", "postgresql")]
    [CellData("redis", "sqlite")]
    [CellData("redis", "redis")]
    [CellData("embedded", "redis")]
    public async Task The_demos_audit_holds_and_every_saga_test_passes(string broker, string store)
    {
        // Those that need something else of the machine, and may be skipped, are not meant.
        var sagas = typeof(SagaTests).GetMethods().Where(method => method.GetCustomAttribute<FactAttribute>()?.GetType() == typeof(FactAttribute)).ToList();
        Assert.NotEmpty(sagas);
        await using var cell = await Cell.Start(broker, store);
        var shop = new InProcessShop { ComponentsPath = cell.Shop.ComponentsPath };
        await shop.InitializeAsync();
        try
        {
            using var demo = RunnerProcess.Demo(shop.AddressOf("gateway"), Orders);
            Assert.True(await demo.ExitCode() == 0, demo.Output);
            foreach (var test in sagas)
            {
                output.WriteLine(test.Name);
                using var tests = new SagaTests(shop);
                await (Task)test.Invoke(tests, [])!;
            }
        }
        finally
        {
            await shop.DisposeAsync();
        }
    }
}
