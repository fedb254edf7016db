namespace Dapr.Actors.Runtime;

/// <summary>Names a timer.</summary>
/// <param name="actorType">The actor's type.</param>
/// <param name="actorId">The actor's id.</param>
/// <param name="name">The timer's name.</param>
public class ActorTimerToken(string actorType, ActorId actorId, string name)
{
    /// <summary>The actor's type.</summary>
    public string ActorType { get; } = actorType ?? throw new ArgumentNullException(nameof(actorType));

    /// <summary>The actor's id.</summary>
    public ActorId ActorId { get; } = actorId ?? throw new ArgumentNullException(nameof(actorId));

    /// <summary>The timer's name.</summary>
    public string Name { get; } = name ?? throw new ArgumentNullException(nameof(name));
}

/// <summary>A timer.</summary>
/// <param name="actorType">The actor's type.</param>
/// <param name="actorId">The actor's id.</param>
/// <param name="name">The timer's name.</param>
/// <param name="timerCallback">The method it calls.</param>
/// <param name="data">The method's argument.</param>
/// <param name="dueTime">When first.</param>
/// <param name="period">How often then; negative: once.</param>
public class ActorTimer(string actorType, ActorId actorId, string name, string timerCallback, byte[] data, TimeSpan dueTime, TimeSpan period)
    : ActorTimerToken(actorType, actorId, name)
{
    /// <summary>The method it calls.</summary>
    public string TimerCallback { get; } = timerCallback;

    /// <summary>The method's argument.</summary>
    public byte[] Data { get; } = data;

    /// <summary>When first.</summary>
    public TimeSpan DueTime { get; } = dueTime;

    /// <summary>How often then; negative: once.</summary>
    public TimeSpan Period { get; } = period;
}

/// <summary>Names a reminder.</summary>
/// <param name="actorType">The actor's type.</param>
/// <param name="actorId">The actor's id.</param>
/// <param name="name">The reminder's name.</param>
public class ActorReminderToken(string actorType, ActorId actorId, string name)
{
    /// <summary>The actor's type.</summary>
    public string ActorType { get; } = actorType ?? throw new ArgumentNullException(nameof(actorType));

    /// <summary>The actor's id.</summary>
    public ActorId ActorId { get; } = actorId ?? throw new ArgumentNullException(nameof(actorId));

    /// <summary>The reminder's name.</summary>
    public string Name { get; } = name ?? throw new ArgumentNullException(nameof(name));
}

/// <summary>A reminder as its actor sees it.</summary>
public interface IActorReminder
{
    /// <summary>Its name.</summary>
    string Name { get; }

    /// <summary>When first.</summary>
    TimeSpan DueTime { get; }

    /// <summary>How often then.</summary>
    TimeSpan Period { get; }

    /// <summary>What it was registered with.</summary>
    byte[] State { get; }
}

/// <summary>A reminder.</summary>
/// <param name="actorType">The actor's type.</param>
/// <param name="actorId">The actor's id.</param>
/// <param name="name">The reminder's name.</param>
/// <param name="state">Given back when it is due.</param>
/// <param name="dueTime">When first.</param>
/// <param name="period">How often then; negative: once.</param>
public class ActorReminder(string actorType, ActorId actorId, string name, byte[] state, TimeSpan dueTime, TimeSpan period)
    : ActorReminderToken(actorType, actorId, name), IActorReminder
{
    /// <inheritdoc />
    public byte[] State { get; } = state;

    /// <inheritdoc />
    public TimeSpan DueTime { get; } = dueTime;

    /// <inheritdoc />
    public TimeSpan Period { get; } = period;
}
