using Lavka.Sidecar.Redis;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace Lavka.Sidecar.PubSub.Redis;

/// <summary>
/// Reads what is new in a stream for a consumer group, on a connection of its own: Redis lets a read wait until something comes, and all other commands of the connection with it.
/// </summary>
internal sealed class RedisStreamReader(RedisPubSubOptions options, string topic, string group) : IAsyncDisposable
{
    private static readonly TimeSpan Wait = TimeSpan.FromSeconds(2);

    private RedisConnection? _connection;
    private long _client;

    /// <summary>What is new, after a while nothing. What it answers is this group's, and pending until it is acknowledged.</summary>
    /// <exception cref="IOException">Redis is away, or refuses.</exception>
    public async Task<IReadOnlyList<StreamEntry>> Read(CancellationToken cancellationToken)
    {
        var connection = _connection ??= Make();
        try
        {
            if (Interlocked.Read(ref _client) == 0)
            {
                await connection.Start(cancellationToken);
                Interlocked.Exchange(ref _client, await connection.Ask(async database => (long)await database.ExecuteAsync("CLIENT", "ID"), cancellationToken));
            }

            // Told to stop it must not go away while an answer may be under way: those messages would be nobody's for a while.
            return Entries(await connection.Change(database => database.ExecuteAsync("XREADGROUP",
                "GROUP", group, group, "COUNT", options.QueueDepth, "BLOCK", (int)Wait.TotalMilliseconds, "STREAMS", (RedisKey)topic, ">"), CancellationToken.None));
        }
        catch (IOException e) when (e.InnerException is RedisTimeoutException)
        {
            // An answer that comes after all would be taken for the next one's.
            await DisposeAsync();
            throw;
        }
    }

    /// <summary>Ends a read that waits, as far as Redis lets us.</summary>
    /// <param name="other">A connection that does not wait.</param>
    public async Task Wake(RedisConnection other, CancellationToken cancellationToken)
    {
        if (Interlocked.Read(ref _client) is not 0 and var client)
        {
            await other.Ask(_ => other.ServerOf(topic).ExecuteAsync("CLIENT", "UNBLOCK", client), cancellationToken);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _connection, null) is { } connection)
        {
            Interlocked.Exchange(ref _client, 0);
            await connection.DisposeAsync();
        }
    }

    private RedisConnection Make()
    {
        // Where it is lost the component's own connection is, too, and says so.
        var connection = new RedisConnection(options.Server with { Timeout = options.Server.Timeout + Wait }, NullLogger.Instance);
        connection.Restored += () => Interlocked.Exchange(ref _client, 0);
        return connection;
    }

    private static List<StreamEntry> Entries(RedisResult answer)
    {
        var entries = new List<StreamEntry>();
        foreach (var stream in answer.IsNull ? [] : (RedisResult[])answer!)
        {
            foreach (var entry in (RedisResult[])stream[1]!)
            {
                // One that was deleted has no fields.
                var fields = entry[1].IsNull ? [] : (RedisValue[])entry[1]!;
                entries.Add(new((RedisValue)entry[0], [.. fields.Chunk(2).Select(pair => new NameValueEntry(pair[0], pair[1]))]));
            }
        }

        return entries;
    }
}
