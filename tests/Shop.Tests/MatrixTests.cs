using System.Globalization;
using System.Text.RegularExpressions;
using Xunit.Abstractions;

namespace Lavka.Shop.Tests;

/// <summary>
/// The whole shop as processes on every broker with every database: nothing is changed but two files of components/local/. The gate has each broker and each database once: here, or in the shops of
/// <see cref="RunnerTests"/> and <see cref="OutageTests"/>. On every pair it has <see cref="SagaMatrixTests"/>.
/// </summary>
[Collection(ProcessesCollection.Name)]
public sealed partial class MatrixTests(ITestOutputHelper output)
{
    [Theory]
    [CellData("embedded", "sqlite", InMatrixOnly = true)]
    [CellData("embedded", "postgresql", InMatrixOnly = true)]
    [CellData("in-memory", "sqlite")]
    [CellData("in-memory", "postgresql", InMatrixOnly = true)]
    [CellData("rabbitmq", "sqlite", InMatrixOnly = true)]
    [CellData("rabbitmq", "postgresql", InMatrixOnly = true)]
    [CellData("kafka", "sqlite", InMatrixOnly = true)]
    [CellData("kafka", "postgresql", InMatrixOnly = true)]
    [CellData("redis", "sqlite", InMatrixOnly = true)]
    [CellData("redis", "redis", InMatrixOnly = true)]
    [CellData("embedded", "redis", InMatrixOnly = true)]
    public async Task The_demo_runs_and_its_audit_holds(string broker, string store)
    {
        await using var cell = await Cell.Start(broker, store);
        using var runner = cell.Shop.Start("--demo", Cell.MatrixOrders ?? "60");

        Assert.True(await runner.ExitCode() == 0, runner.Output);
        Assert.Empty(runner.Services());
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"matrix: {broker} and {store}: {Figures().Match(runner.Output.ReplaceLineEndings(" ")).Value}"));
        if (Cell.EveryOneIsAskedFor)
        {
            using var bench = cell.Shop.Start("--bench", "15");
            Assert.True(await bench.ExitCode() == 0, bench.Output);
            var times = BenchTimes().Matches(bench.Output).Select(time => $"{time.Groups[1].Value} {time.Groups[2].Value}, {time.Groups[3].Value} s");
            output.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"matrix: {broker} and {store}: bench: {BenchRate().Match(bench.Output).Value} (p50, p99: {string.Join("; ", times)}); {BenchCosts().Match(bench.Output.ReplaceLineEndings(" ")).Value}"));
        }
    }

    [GeneratedRegex(@"[0-9.]+ a second; from order to paid [0-9.]+ s \(p50\), [0-9.]+ s \(p99\)")]
    private static partial Regex Figures();

    [GeneratedRegex("[0-9]+ orders a second")]
    private static partial Regex BenchRate();

    [GeneratedRegex(@"│ (accepted|paid|at its end) +│ ([0-9.]+) s │ ([0-9.]+) s")]
    private static partial Regex BenchTimes();

    [GeneratedRegex(@"[0-9.]+ ms of processor time.*Memory: [0-9]+ MB")]
    private static partial Regex BenchCosts();
}
