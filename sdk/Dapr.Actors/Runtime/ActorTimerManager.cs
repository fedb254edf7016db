using System.Text;
using System.Text.Json.Nodes;

namespace Dapr.Actors.Runtime;

/// <summary>Timers and reminders of actors.</summary>
public abstract class ActorTimerManager
{
    /// <summary>Registers a reminder, in the place of one of the same name.</summary>
    /// <param name="reminder">The reminder.</param>
    public abstract Task RegisterReminderAsync(ActorReminder reminder);

    /// <summary>Ends a reminder.</summary>
    /// <param name="reminder">Its name.</param>
    public abstract Task UnregisterReminderAsync(ActorReminderToken reminder);

    /// <summary>Registers a timer, in the place of one of the same name.</summary>
    /// <param name="timer">The timer.</param>
    public abstract Task RegisterTimerAsync(ActorTimer timer);

    /// <summary>Ends a timer.</summary>
    /// <param name="timer">Its name.</param>
    public abstract Task UnregisterTimerAsync(ActorTimerToken timer);
}

/// <summary>Timers and reminders at the sidecar.</summary>
internal sealed class SidecarTimerManager(DaprActorHttp http) : ActorTimerManager
{
    public override Task RegisterReminderAsync(ActorReminder reminder) => Register("reminders", reminder.ActorType, reminder.ActorId, reminder.Name, new()
    {
        ["dueTime"] = ActorTime.Format(reminder.DueTime),
        ["period"] = reminder.Period < TimeSpan.Zero ? "" : ActorTime.Format(reminder.Period),
        ["data"] = Convert.ToBase64String(reminder.State),
    });

    public override Task UnregisterReminderAsync(ActorReminderToken reminder) => Unregister("reminders", reminder.ActorType, reminder.ActorId, reminder.Name);

    public override Task RegisterTimerAsync(ActorTimer timer)
    {
        var body = new JsonObject { ["dueTime"] = ActorTime.Format(timer.DueTime), ["data"] = Convert.ToBase64String(timer.Data ?? []), ["callback"] = timer.TimerCallback };
        if (timer.Period >= TimeSpan.Zero)
        {
            body["period"] = ActorTime.Format(timer.Period);
        }

        return Register("timers", timer.ActorType, timer.ActorId, timer.Name, body);
    }

    public override Task UnregisterTimerAsync(ActorTimerToken timer) => Unregister("timers", timer.ActorType, timer.ActorId, timer.Name);

    private Task Register(string kind, string type, ActorId id, string name, JsonObject body) =>
        http.Send(HttpMethod.Put, type, id.GetId(), $"{kind}/{name}", Encoding.UTF8.GetBytes(body.ToJsonString()), default);

    private Task Unregister(string kind, string type, ActorId id, string name) => http.Send(HttpMethod.Delete, type, id.GetId(), $"{kind}/{name}", null, default);
}
