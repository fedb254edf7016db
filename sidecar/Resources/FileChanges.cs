namespace Lavka.Sidecar.Resources;

/// <summary>Tells that something in some folders has changed: once for changes that come together, one call at a time.</summary>
internal sealed class FileChanges : IAsyncDisposable
{
    // Editors and git write a file in several steps.
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(200);

    private readonly List<FileSystemWatcher> _watchers = [];
    private readonly SemaphoreSlim _changed = new(0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;

    public FileChanges(IEnumerable<string> folders, Func<Task> changed)
    {
        foreach (var folder in folders.Where(Directory.Exists))
        {
            var watcher = new FileSystemWatcher(folder);
            watcher.Changed += Report;
            watcher.Created += Report;
            watcher.Deleted += Report;
            watcher.Renamed += Report;
            watcher.EnableRaisingEvents = true;
            _watchers.Add(watcher);
        }

        _loop = Task.Run(() => Loop(changed));
    }

    public async ValueTask DisposeAsync()
    {
        _watchers.ForEach(watcher => watcher.Dispose());
        await _stop.CancelAsync();
        await _loop;
        _stop.Dispose();
        _changed.Dispose();
    }

    private void Report(object sender, FileSystemEventArgs e) => _changed.Release();

    private async Task Loop(Func<Task> changed)
    {
        try
        {
            while (true)
            {
                await _changed.WaitAsync(_stop.Token);
                while (await _changed.WaitAsync(Quiet, _stop.Token))
                {
                    // Another one of the same change.
                }

                await changed();
            }
        }
        catch (OperationCanceledException)
        {
            // Stopped.
        }
    }
}
