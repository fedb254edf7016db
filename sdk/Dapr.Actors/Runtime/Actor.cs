using Dapr.Actors.Client;
using Microsoft.Extensions.Logging;

namespace Dapr.Actors.Runtime;

/// <summary>An actor: its methods run one at a time; what it saved outlives it (Dapr: developing-applications/building-blocks/actors).</summary>
public abstract class Actor
{
    /// <summary>Makes one.</summary>
    /// <param name="host">What the runtime gives it.</param>
    protected Actor(ActorHost host)
    {
        Host = host;
        StateManager = host.StateManager;
        Logger = host.LoggerFactory.CreateLogger(GetType());
    }

    /// <summary>The actor's id.</summary>
    public ActorId Id => Host.Id;

    /// <summary>What the runtime gave it.</summary>
    public ActorHost Host { get; }

    /// <summary>Makes proxies of other actors.</summary>
    public IActorProxyFactory ProxyFactory => Host.ProxyFactory;

    /// <summary>What the actor keeps. Changes are saved when a method ends without an exception.</summary>
    public IActorStateManager StateManager { get; protected set; }

    /// <summary>Where the actor reports to.</summary>
    protected ILogger Logger { get; }

    /// <summary>Calls a method of this actor again and again, while it is active.</summary>
    /// <param name="timerName">The timer's name; empty: one is made up.</param>
    /// <param name="callback">The method: at most one parameter, bytes, and a task to return.</param>
    /// <param name="callbackParams">Its argument.</param>
    /// <param name="dueTime">When first.</param>
    /// <param name="period">How often then; negative: once.</param>
    public async Task<ActorTimer> RegisterTimerAsync(string timerName, string callback, byte[] callbackParams, TimeSpan dueTime, TimeSpan period)
    {
        var name = string.IsNullOrEmpty(timerName) ? $"{Id}_Timer_{Guid.NewGuid()}" : timerName;
        var timer = new ActorTimer(Host.ActorTypeInfo.ActorTypeName, Id, name, callback, callbackParams, dueTime, period);
        await Host.TimerManager.RegisterTimerAsync(timer).ConfigureAwait(false);
        return timer;
    }

    /// <summary>Saves the changes now.</summary>
    protected Task SaveStateAsync() => StateManager.SaveStateAsync();

    /// <summary>Runs before the first call.</summary>
    protected virtual Task OnActivateAsync() => Task.CompletedTask;

    /// <summary>Runs before the actor leaves memory.</summary>
    protected virtual Task OnDeactivateAsync() => Task.CompletedTask;

    /// <summary>Calls <see cref="IRemindable.ReceiveReminderAsync"/> at a time, even after restarts. One of the same name is replaced.</summary>
    /// <param name="reminderName">The reminder's name.</param>
    /// <param name="state">Given back with the call.</param>
    /// <param name="dueTime">When first.</param>
    /// <param name="period">How often then; negative: once.</param>
    protected async Task<IActorReminder> RegisterReminderAsync(string reminderName, byte[]? state, TimeSpan dueTime, TimeSpan period)
    {
        var reminder = new ActorReminder(Host.ActorTypeInfo.ActorTypeName, Id, reminderName, state ?? [], dueTime, period);
        await Host.TimerManager.RegisterReminderAsync(reminder).ConfigureAwait(false);
        return reminder;
    }

    /// <summary>Ends a reminder; nothing happens if there is none.</summary>
    /// <param name="reminderName">The reminder's name.</param>
    protected Task UnregisterReminderAsync(string reminderName) =>
        Host.TimerManager.UnregisterReminderAsync(new ActorReminderToken(Host.ActorTypeInfo.ActorTypeName, Id, reminderName));

    /// <summary>Ends a timer; nothing happens if there is none.</summary>
    /// <param name="timerName">The timer's name.</param>
    protected Task UnregisterTimerAsync(string timerName) =>
        Host.TimerManager.UnregisterTimerAsync(new ActorTimerToken(Host.ActorTypeInfo.ActorTypeName, Id, timerName));

    internal Task Activate() => OnActivateAsync();

    internal Task Deactivate() => OnDeactivateAsync();
}
