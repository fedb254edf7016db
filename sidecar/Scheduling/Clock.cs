namespace Lavka.Sidecar.Scheduling;

/// <summary>Waiting for a moment on a clock that may be moved.</summary>
internal static class Clock
{
    private static readonly TimeSpan Longest = TimeSpan.FromHours(1);
    private static readonly TimeSpan Unmoved = TimeSpan.FromMilliseconds(100);

    /// <summary>Completes when the moment has come.</summary>
    public static async Task WaitUntil(this TimeProvider time, DateTimeOffset moment, CancellationToken stop)
    {
        while (moment - time.GetUtcNow() is var wait && wait > TimeSpan.Zero)
        {
            using var enough = CancellationTokenSource.CreateLinkedTokenSource(stop);
            var delay = Task.Delay(wait < Longest ? wait : Longest, time, enough.Token);

            // A clock that was moved after it was looked at, and before it was set, would ring too late.
            if (moment - time.GetUtcNow() < wait - Unmoved)
            {
                await enough.CancelAsync();
                continue;
            }

            await delay;
        }
    }
}
