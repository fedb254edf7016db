namespace Lavka.Sidecar.Resources;

/// <summary>Tells that something in some folders has changed: once for changes that come together, one call at a time.</summary>
internal sealed partial class FileChanges : IAsyncDisposable
{
    // Editors and git write a file in several steps.
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(200);

    private static readonly TimeSpan PollInterval = TimeSpan.FromSeconds(2);

    // Where something is always written, it must not be waited for without end.
    private const int MostOfOneChange = 50;

    private readonly Timer? _poll;
    private readonly List<FileSystemWatcher> _watchers = [];
    private readonly SemaphoreSlim _changed = new(0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;

    public FileChanges(IEnumerable<string> folders, Func<CancellationToken, Task> changed, ILogger log)
    {
        foreach (var folder in folders.Where(Directory.Exists))
        {
            try
            {
                _watchers.Add(Watch(folder));
            }
            catch (IOException)
            {
                // The system has no more watches to give: look now and then.
                _poll ??= new Timer(_ => _changed.Release(), null, PollInterval, PollInterval);
            }
        }

        _loop = Task.Run(() => Loop(changed, log));
    }

    public async ValueTask DisposeAsync()
    {
        await (_poll?.DisposeAsync() ?? default);
        _watchers.ForEach(watcher => watcher.Dispose());
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
        _changed.Dispose();
    }

    private FileSystemWatcher Watch(string folder)
    {
        var watcher = new FileSystemWatcher(folder);
        watcher.Changed += Report;
        watcher.Created += Report;
        watcher.Deleted += Report;
        watcher.Renamed += Report;
        watcher.EnableRaisingEvents = true;
        return watcher;
    }

    private void Report(object sender, FileSystemEventArgs e) => _changed.Release();

    private async Task Loop(Func<CancellationToken, Task> changed, ILogger log)
    {
        try
        {
            while (true)
            {
                await _changed.WaitAsync(_stop.Token);
                for (var i = 0; i < MostOfOneChange && await _changed.WaitAsync(Quiet, _stop.Token); i++)
                {
                    // Another one of the same change.
                }

                try
                {
                    await changed(_stop.Token);
                }
                catch (Exception e) when (!_stop.IsCancellationRequested)
                {
                    // The next change may be a better one.
                    LogFailed(log, e);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "A change of a file could not be followed")]
    private static partial void LogFailed(ILogger log, Exception error);
}
