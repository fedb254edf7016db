using System.Threading.Channels;
using StackExchange.Redis;

namespace Lavka.Sidecar.Configuration;

/// <summary>Tells of the changes of some keys, or of all, one after the other.</summary>
internal sealed partial class RedisWatch : IAsyncDisposable
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);

    private readonly RedisConfiguration _store;
    private readonly IReadOnlyList<string> _keys;
    private readonly ConfigurationChanged _changed;
    private readonly Action<RedisWatch> _ended;
    private readonly ILogger _log;

    // The keys that something has happened to. Null: the connection was lost, and it may have been any.
    private readonly Channel<string?> _events = Channel.CreateUnbounded<string?>(new() { SingleReader = true });
    private readonly CancellationTokenSource _stop = new();
    private IReadOnlyList<ChannelMessageQueue> _queues = [];
    private Dictionary<string, ConfigurationItem> _told = [];
    private Task _telling = Task.CompletedTask;

    public RedisWatch(RedisConfiguration store, IReadOnlyList<string> keys, ConfigurationChanged changed, Action<RedisWatch> ended, ILogger log) =>
        (_store, _keys, _changed, _ended, _log) = (store, keys, changed, ended, log);

    /// <summary>Completes when every change from now on will be told.</summary>
    /// <exception cref="IOException">Redis is away, or refuses.</exception>
    public async Task Start(CancellationToken cancellationToken)
    {
        await Listen(cancellationToken);
        _told = await Items(cancellationToken);
        _telling = Task.Run(Tell, CancellationToken.None);
    }

    /// <summary>The connection was lost: looks for what has changed meanwhile.</summary>
    public void Renew() => _events.Writer.TryWrite(null);

    public async ValueTask DisposeAsync()
    {
        _ended(this);
        if (_stop.IsCancellationRequested)
        {
            return;
        }

        await _stop.CancelAsync();
        await _telling;
        Leave();
    }

    private async Task Listen(CancellationToken cancellationToken)
    {
        Leave();
        _queues = await _store.Listen(_keys, key => _events.Writer.TryWrite(key), cancellationToken);
    }

    /// <summary>Nobody waits for the server's word: it may be away.</summary>
    private void Leave()
    {
        foreach (var queue in _queues)
        {
            queue.Unsubscribe(CommandFlags.FireAndForget);
        }

        _queues = [];
    }

    private async Task Tell()
    {
        try
        {
            await foreach (var key in _events.Reader.ReadAllAsync(_stop.Token))
            {
                while (!await TryTell(key))
                {
                    await Task.Delay(Pause, _stop.Token);
                }
            }
        }
        catch (OperationCanceledException)
        {
            // Nobody listens any more.
        }
    }

    /// <summary>False: Redis does not answer.</summary>
    private async Task<bool> TryTell(string? key)
    {
        try
        {
            if (key is not null)
            {
                var item = (await _store.Get([key], _stop.Token)).GetValueOrDefault(key);
                await Tell(key, item);
                return true;
            }

            await Listen(_stop.Token);
            var (before, now) = (_told, await Items(_stop.Token));
            foreach (var other in now.Keys.Union(before.Keys).Where(other => now.GetValueOrDefault(other) != before.GetValueOrDefault(other)).ToList())
            {
                await Tell(other, now.GetValueOrDefault(other));
            }

            return true;
        }
        catch (IOException e)
        {
            LogNotRead(e.Message);
            return false;
        }
    }

    private async Task Tell(string key, ConfigurationItem? item)
    {
        await _changed(new Dictionary<string, ConfigurationItem?> { [key] = item }, _stop.Token);
        if (item is null)
        {
            _told.Remove(key);
        }
        else
        {
            _told[key] = item;
        }
    }

    private async Task<Dictionary<string, ConfigurationItem>> Items(CancellationToken cancellationToken) => new(await _store.Get(_keys, cancellationToken));

    [LoggerMessage(Level = LogLevel.Warning, Message = "Changes of the configuration cannot be read, trying again: {Problem}")]
    private partial void LogNotRead(string problem);
}
