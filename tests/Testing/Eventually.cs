using System.Diagnostics;

namespace Lavka.Testing;

/// <summary>Waits for what is to come, as long as it may take on a slow machine.</summary>
public static class Eventually
{
    private static readonly TimeSpan DefaultPatience = TimeSpan.FromSeconds(30);

    /// <summary>The first value that is not null; fails when none comes.</summary>
    public static async Task<T> Get<T>(Func<Task<T?>> ask, string what, TimeSpan? patience = null)
        where T : class
    {
        var most = patience ?? DefaultPatience;
        var watch = Stopwatch.StartNew();
        while (true)
        {
            if (await ask() is { } value)
            {
                return value;
            }

            if (watch.Elapsed > most)
            {
                throw new TimeoutException($"Waited {most.TotalSeconds} s for {what}.");
            }

            await Task.Delay(10);
        }
    }

    /// <summary>Returns when the condition holds; fails when it never does.</summary>
    public static Task Holds(Func<bool> condition, string what, TimeSpan? patience = null) => Get(() => Task.FromResult(condition() ? "" : null), what, patience);
}
