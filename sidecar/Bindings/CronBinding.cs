using System.Globalization;
using Lavka.Sidecar.Resources;
using Lavka.Sidecar.Scheduling;

namespace Lavka.Sidecar.Bindings;

/// <summary><c>bindings.cron</c> (Dapr: reference/components-reference/supported-bindings/cron): an empty event whenever the schedule is due.</summary>
internal sealed partial class CronBinding : IInputBinding
{
    private readonly CronSchedule _schedule;
    private readonly TimeProvider _time;

    public CronBinding(ComponentMetadata metadata, TimeProvider time)
    {
        _time = time;
        try
        {
            _schedule = CronSchedule.Parse(metadata.Required("schedule"), secondsRequired: false);
        }
        catch (FormatException e)
        {
            throw metadata.Invalid("schedule", $"a cron expression of five or six fields, or for example @every 5s ({e.Message})");
        }
    }

    public IReadOnlyList<string> Capabilities { get; } = ["INPUT_BINDING"];

    public IAsyncDisposable Read(Func<BindingEvent, CancellationToken, Task> handler) => new Ticking(_schedule, _time, handler);

    public ValueTask DisposeAsync() => default;

    private sealed class Ticking : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _loop;

        public Ticking(CronSchedule schedule, TimeProvider time, Func<BindingEvent, CancellationToken, Task> handler)
        {
            var first = schedule.Next(time.GetUtcNow());
            _loop = Task.Run(() => Loop(schedule, first, time, handler));
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _loop;
            _stop.Dispose();
        }

        private async Task Loop(CronSchedule schedule, DateTimeOffset? first, TimeProvider time, Func<BindingEvent, CancellationToken, Task> handler)
        {
            var running = new List<Task>();
            try
            {
                for (var next = first; next is { } due; next = Following(schedule, due, time))
                {
                    await time.WaitUntil(due, _stop.Token);

                    // A slow event does not hold up the next tick.
                    running.RemoveAll(task => task.IsCompleted);
                    running.Add(Tick(time, handler));
                }
            }
            catch (OperationCanceledException)
            {
                // Stopped.
            }

            await Task.WhenAll(running);
        }

        // A machine that has slept makes up for one tick, not for all.
        private static DateTimeOffset? Following(CronSchedule schedule, DateTimeOffset due, TimeProvider time) =>
            schedule.Next(due) is not { } next ? null : schedule.Next(next) < time.GetUtcNow() ? schedule.Next(time.GetUtcNow()) : next;

        private async Task Tick(TimeProvider time, Func<BindingEvent, CancellationToken, Task> handler)
        {
            var now = time.GetUtcNow().ToString("yyyy-MM-dd HH:mm:ss.fffffff '+0000 UTC'", CultureInfo.InvariantCulture);
            try
            {
                await handler(new([], new Dictionary<string, string> { ["readTimeUTC"] = now, ["timeZone"] = "Local" }), _stop.Token);
            }
            catch (Exception e) when (e is BindingException or OperationCanceledException)
            {
                // Reported by the handler; a tick does not come again.
            }
        }
    }
}
