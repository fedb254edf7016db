namespace Lavka.Run;

/// <summary>The files that output bindings wrote: e-mails and short messages, in <c>sent/</c> of the data folder.</summary>
public static class SentMessages
{
    // As long as the embedded log keeps an event.
    private static readonly TimeSpan KeptFor = TimeSpan.FromDays(7);
    private static readonly TimeSpan Interval = TimeSpan.FromHours(1);

    /// <summary>Where they are.</summary>
    public static string FolderOf(string dataPath) => Path.Combine(dataPath, "sent");

    /// <summary>Deletes those older than a week, now and every hour; there are several for each order.</summary>
    public static async Task DeleteOld(string dataPath, CancellationToken stop)
    {
        using var timer = new PeriodicTimer(Interval);
        do
        {
            await Task.Run(() => DeleteBefore(dataPath, DateTime.UtcNow - KeptFor, stop), stop);
        }
        while (await timer.WaitForNextTickAsync(stop));
    }

    /// <summary>Deletes those from before that time (UTC).</summary>
    public static void DeleteBefore(string dataPath, DateTime time, CancellationToken stop)
    {
        var folder = new DirectoryInfo(FolderOf(dataPath));
        if (!folder.Exists)
        {
            return;
        }

        foreach (var file in folder.EnumerateFiles("*", new EnumerationOptions { RecurseSubdirectories = true, IgnoreInaccessible = true }))
        {
            stop.ThrowIfCancellationRequested();
            if (file.LastWriteTimeUtc < time)
            {
                file.Delete();
            }
        }
    }
}
