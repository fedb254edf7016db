using System.Diagnostics;
using System.Globalization;

namespace Lavka.Run.Demo;

/// <summary>What is to be done with a shop besides running it.</summary>
/// <param name="Orders">How many orders the demo places; null: no demo.</param>
/// <param name="Buyers">How many want one product at once; null: nobody does.</param>
/// <param name="Seconds">How long the bench measures; null: no bench.</param>
/// <param name="Rate">See <see cref="Bench"/>.</param>
/// <param name="Metrics">The sidecars' metrics, by app: <c>orders=http://localhost:9091/metrics</c>.</param>
internal sealed record Errand(int? Orders, int? Buyers, double? Seconds, double? Rate, IReadOnlyList<string> Metrics)
{
    public bool IsNone => Orders is null && Buyers is null && Seconds is null;

    public bool Measures => Seconds is not null;

    /// <exception cref="RunException">A number is none that makes sense.</exception>
    public void Check()
    {
        if (Orders is < 1 || Buyers is < 1)
        {
            throw new RunException($"The number for {(Orders is < 1 ? "--demo" : "--hot-item")} is {Orders ?? Buyers}; allowed is a whole number from 1.");
        }

        if (Seconds is < 1 or > 86_400 || Rate is <= 0 or > 100_000)
        {
            throw new RunException(string.Create(CultureInfo.InvariantCulture, $"--bench is {Seconds} and --rate {Rate}; allowed are 1 to 86400 seconds, and up to 100000 orders a second."));
        }

        if (Seconds is null && (Rate is not null || Metrics.Count > 0))
        {
            throw new RunException("--rate and --metrics are for --bench.");
        }
    }

    /// <summary>Does it.</summary>
    /// <param name="startedHere">The apps, where this runner has started the shop; null: it runs elsewhere.</param>
    /// <returns>The exit code.</returns>
    public async Task<int> Do(Uri gateway, string password, Shop? startedHere, CancellationToken stop)
    {
        if (Buyers is not null)
        {
            await new HotItem(gateway, Buyers.Value).Run(stop);
            return 0;
        }

        if (Orders is not null)
        {
            return await new DemoRun(gateway, Orders.Value, password, startedHere?.Apps).Run(stop) ? 0 : 1;
        }

        return startedHere is null
            ? await new Bench(gateway, password, TimeSpan.FromSeconds(Seconds!.Value), Rate, [.. Metrics.Select(one => KeyValuePair.Create(AppOf(one), AddressOf(one)))]).Run(stop) ? 0 : 1
            : await InOwnProcess(gateway, password, startedHere, stop);
    }

    /// <summary>The bench's client in a process of its own, so that what it costs is not counted as the sidecars'.</summary>
    private async Task<int> InOwnProcess(Uri gateway, string password, Shop shop, CancellationToken stop)
    {
        List<string> arguments = [typeof(Errand).Assembly.Location, "--gateway", gateway.ToString(), "--bench", Seconds!.Value.ToString(CultureInfo.InvariantCulture)];
        if (Rate is { } rate)
        {
            arguments.AddRange(["--rate", rate.ToString(CultureInfo.InvariantCulture)]);
        }

        arguments.AddRange(shop.Metrics.SelectMany(one => new[] { "--metrics", one }));
        using var client = Process.Start(new ProcessStartInfo("dotnet", arguments) { Environment = { [OperatorPassword.Variable] = password } })!;
        try
        {
            await client.WaitForExitAsync(stop);
            return client.ExitCode;
        }
        finally
        {
            client.Kill();
        }
    }

    private static string AppOf(string metrics) => metrics.Split('=', 2)[0];

    private static Uri AddressOf(string metrics) => metrics.Split('=', 2) is [_, var address] && Uri.TryCreate(address, UriKind.Absolute, out var uri)
        ? uri
        : throw new RunException($"--metrics is '{metrics}'; write it like orders=http://localhost:9091/metrics");
}
