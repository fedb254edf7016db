using System.Collections.Concurrent;
using Lavka.Sidecar.Redis;
using Lavka.Sidecar.Resources;
using StackExchange.Redis;

namespace Lavka.Sidecar.Configuration;

/// <summary>
/// <c>configuration.redis</c>: an item is a key of type string, whose value may end in <c>||version</c> (Dapr: reference/components-reference/supported-configuration-stores/redis-configuration-store).
/// Changes are told by Redis' keyspace notifications, which are switched on where they are off; and what has changed while the connection was lost is told when it is back.
/// </summary>
internal sealed partial class RedisConfiguration : IConfigurationStore
{
    // As daprd sets it: keyspace events, for generic commands, strings, expired and evicted keys.
    private const string Notifications = "Kg$xe";
    private const string Setting = "notify-keyspace-events";
    private const int PageSize = 1000;

    private readonly RedisOptions _options;
    private readonly RedisConnection _connection;
    private readonly ILogger _log;
    private readonly ConcurrentDictionary<RedisWatch, bool> _watches = new();

    public RedisConfiguration(ComponentMetadata metadata, ILogger<RedisConfiguration> log)
    {
        _log = log;
        _options = RedisOptions.From(metadata, mostPause: TimeSpan.FromSeconds(2));
        _connection = new(_options, log, subscribes: true);
        _connection.Restored += () =>
        {
            foreach (var watch in _watches.Keys)
            {
                watch.Renew();
            }
        };
    }

    public IReadOnlyList<string> Capabilities { get; } = [];

    public Task Start(CancellationToken stop) => _connection.Start(stop);

    public async ValueTask<IReadOnlyDictionary<string, ConfigurationItem>> Get(IReadOnlyList<string> keys, CancellationToken stop)
    {
        var wanted = keys.Count > 0 ? keys.Distinct().ToList() : await AllKeys(stop);
        var items = await Task.WhenAll(wanted.Select(key => Get(key, stop)));
        return wanted.Zip(items).Where(pair => pair.Second is not null).ToDictionary(pair => pair.First, pair => pair.Second!);
    }

    public async ValueTask<IAsyncDisposable> Watch(IReadOnlyList<string> keys, ConfigurationChanged changed, CancellationToken stop)
    {
        var watch = new RedisWatch(this, keys, changed, ended => _watches.TryRemove(ended, out _), _log);
        _watches[watch] = true;
        try
        {
            await watch.Start(stop);
            return watch;
        }
        catch
        {
            await watch.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var watch in _watches.Keys)
        {
            await watch.DisposeAsync();
        }

        await _connection.DisposeAsync();
    }

    /// <summary>Hears of every event of these keys, or of all without keys, until those who listen are told to stop.</summary>
    /// <param name="changed">Gets the key.</param>
    /// <exception cref="IOException">Redis is away, or refuses.</exception>
    internal async Task<IReadOnlyList<ChannelMessageQueue>> Listen(IReadOnlyList<string> keys, Action<string> changed, CancellationToken cancellationToken)
    {
        await SwitchOn(cancellationToken);
        IEnumerable<RedisChannel> channels = keys.Count == 0 ? [RedisChannel.KeySpacePattern("*", _options.Database)] : keys.Distinct().Select(key => RedisChannel.KeySpaceSingleKey(key, _options.Database));
        var queues = new List<ChannelMessageQueue>();
        foreach (var channel in channels)
        {
            var queue = await _connection.Ask(_ => _connection.Subscriber.SubscribeAsync(channel), cancellationToken);
            queue.OnMessage(message =>
            {
                if (message.TryParseKeyNotification(out var notification))
                {
                    changed(notification.GetKey().ToString());
                }
            });
            queues.Add(queue);
        }

        return queues;
    }

    /// <summary>Null: there is no such key, it is no string, or empty; daprd makes no difference.</summary>
    private async Task<ConfigurationItem?> Get(string key, CancellationToken cancellationToken)
    {
        try
        {
            var text = (string?)await _connection.Ask(database => database.StringGetAsync(key), cancellationToken);
            var parts = (text ?? "").Split("||");
            return parts[0].Length == 0 ? null : new(parts[0], parts.Length > 1 ? parts[1] : "");
        }
        catch (IOException e) when (RedisErrors.Is(e, "WRONGTYPE"))
        {
            return null;
        }
    }

    private async Task<List<string>> AllKeys(CancellationToken cancellationToken)
    {
        var keys = new List<string>();
        foreach (var server in _connection.Masters)
        {
            // Not KEYS, for which everybody else would wait.
            keys.AddRange(await _connection.Ask(async _ => await server.KeysAsync(_options.Database, pageSize: PageSize).Select(key => key.ToString()).ToListAsync(cancellationToken), cancellationToken));
        }

        return [.. keys.Distinct()];
    }

    /// <summary>Adds what is needed to what others may want, which daprd would overwrite.</summary>
    private async Task SwitchOn(CancellationToken cancellationToken)
    {
        foreach (var server in _connection.Masters)
        {
            try
            {
                await _connection.Ask(async _ =>
                {
                    var there = (await server.ConfigGetAsync(Setting)).Select(pair => pair.Value).FirstOrDefault("");

                    // A is short for all of the types.
                    var missing = Notifications.Where(flag => !there.Contains(flag, StringComparison.Ordinal) && !(flag != 'K' && there.Contains('A', StringComparison.Ordinal))).ToArray();
                    if (missing.Length > 0)
                    {
                        await server.ConfigSetAsync(Setting, there + new string(missing));
                    }

                    return true;
                }, cancellationToken);
            }
            catch (IOException e)
            {
                // A Redis that somebody else runs may not let us; it may be switched on all the same.
                LogNotSwitchedOn(_options.Where, Setting, Notifications, e.Message);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "{Where}: {Setting} must have {Notifications}, or changes of the configuration are not told; it could not be set: {Problem}")]
    private partial void LogNotSwitchedOn(string where, string setting, string notifications, string problem);
}
