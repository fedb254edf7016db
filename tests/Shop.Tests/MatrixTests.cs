using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using Xunit.Abstractions;

namespace Lavka.Shop.Tests;

/// <summary>The whole shop on every broker and on every database: nothing is changed but two files of components/local/.</summary>
[Collection(ProcessesCollection.Name)]
public sealed partial class MatrixTests(ITestOutputHelper output)
{
    private static readonly string Orders = Environment.GetEnvironmentVariable("LAVKA_MATRIX_ORDERS") ?? "60";

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
    public async Task The_demo_runs_and_its_audit_holds(string broker, string store)
    {
        await using var cell = await Cell.Start(broker, store);
        using var runner = cell.Shop.Start("--demo", Orders);

        Assert.True(await runner.ExitCode() == 0, runner.Output);
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"matrix: {broker} and {store}: {Figures().Match(runner.Output.ReplaceLineEndings(" ")).Value}"));
    }

    [Theory]
    [CellData("embedded", "postgresql")]
    [CellData("in-memory", "sqlite")]
    [CellData("in-memory", "postgresql")]
    [CellData("rabbitmq", "sqlite")]
    [CellData("rabbitmq", "postgresql")]
    [CellData("kafka", "sqlite")]
    [CellData("kafka", "postgresql")]
    [CellData("redis", "sqlite")]
    [CellData("embedded", "redis")]
    public async Task Every_saga_test_passes(string broker, string store)
    {
        // Those that need something else of the machine, and may be skipped, are not meant.
        var sagas = typeof(SagaTests).GetMethods().Where(method => method.GetCustomAttribute<FactAttribute>()?.GetType() == typeof(FactAttribute)).ToList();
        Assert.NotEmpty(sagas);
        await using var cell = await Cell.Start(broker, store);
        var shop = new InProcessShop { ComponentsPath = cell.Shop.ComponentsPath };
        await shop.InitializeAsync();
        try
        {
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

    [GeneratedRegex(@"[0-9.]+ a second; from order to paid [0-9.]+ s \(p50\), [0-9.]+ s \(p99\)")]
    private static partial Regex Figures();
}
