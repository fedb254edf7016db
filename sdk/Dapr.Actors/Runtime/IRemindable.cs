namespace Dapr.Actors.Runtime;

/// <summary>An actor that has reminders.</summary>
public interface IRemindable
{
    /// <summary>A reminder is due.</summary>
    /// <param name="reminderName">Its name.</param>
    /// <param name="state">What it was registered with.</param>
    /// <param name="dueTime">When it was due first.</param>
    /// <param name="period">How often it comes.</param>
    Task ReceiveReminderAsync(string reminderName, byte[] state, TimeSpan dueTime, TimeSpan period);
}
