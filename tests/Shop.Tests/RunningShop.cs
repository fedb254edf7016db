namespace Lavka.Shop.Tests;

/// <summary>
/// The shop as processes, on a broker and a database. The tests of a class share it, in any order: a start costs as much as most of them. One that ends the runner leaves it to the next to start it again.
/// </summary>
/// <param name="broker">One of <see cref="Cell.Brokers"/>.</param>
/// <param name="store">One of <see cref="Cell.Stores"/>.</param>
/// <param name="arguments">The runner's.</param>
public abstract class RunningShop(string broker, string store, params string[] arguments) : IAsyncLifetime
{
    private RunnerProcess? _runner;

    internal Cell Cell { get; private set; } = null!;

    /// <summary>A client of the Gateway's.</summary>
    public HttpClient Gateway { get; private set; } = null!;

    public virtual async Task InitializeAsync()
    {
        // Without its servers the tests are skipped.
        if (Cell.WhatIsMissing(broker, store) is null)
        {
            Cell = await Cell.Start(broker, store);
            Gateway = new() { BaseAddress = Cell.Shop.Gateway };
        }
    }

    public virtual async Task DisposeAsync()
    {
        Gateway?.Dispose();
        _runner?.Dispose();
        await (Cell?.DisposeAsync() ?? default);
    }

    /// <summary>The runner, with everything ready.</summary>
    internal async Task<RunnerProcess> Running()
    {
        if (_runner is null or { HasExited: true })
        {
            _runner?.Dispose();
            _runner = Cell.Shop.Start(arguments);
        }

        await _runner.WaitFor("Ready after");
        return _runner;
    }

    /// <summary>A demo in the running shop, in the middle of its load. Its exit code says whether the audit holds, of all that the shop has ever done.</summary>
    internal async Task<RunnerProcess> Demo(int orders)
    {
        await Running();
        var demo = RunnerProcess.Demo(Cell.Shop.Gateway, orders);
        await demo.WaitFor("first order was delivered");
        return demo;
    }
}
