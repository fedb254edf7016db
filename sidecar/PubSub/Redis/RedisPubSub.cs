using System.Text.Json;
using System.Threading.Channels;
using Lavka.Sidecar.Redis;
using StackExchange.Redis;

namespace Lavka.Sidecar.PubSub.Redis;

/// <summary>
/// <c>pubsub.redis</c>: a topic is a stream, a consumer group one of Redis', whose members all have the group's name, as in daprd
/// (Dapr: reference/components-reference/supported-pubsub/setup-redis-pubsub). A message that a member read and has not acknowledged is taken over by another one
/// once it has been with the first for <c>processingTimeout</c>.
/// </summary>
internal sealed partial class RedisPubSub : IPubSub
{
    private static readonly TimeSpan SubscribePatience = TimeSpan.FromMinutes(1);

    private readonly RedisPubSubOptions _options;
    private readonly ILogger _log;
    private readonly RedisConnection _connection;
    private readonly Channel<RedisDelivery> _queue;
    private Task _workers = Task.CompletedTask;

    public RedisPubSub(RedisPubSubOptions options, ILogger<RedisPubSub> log)
    {
        (_options, _log) = (options, log);
        _connection = new(options.Server, log);
        _queue = Channel.CreateBounded<RedisDelivery>(options.QueueDepth);
        if (options is { MaxLenApprox: > 0, StreamTtl.Ticks: > 0 })
        {
            LogTwoLimits();
        }
    }

    public IReadOnlyList<string> Capabilities { get; } = [];

    public async Task Start(CancellationToken stop)
    {
        await _connection.Start(stop);
        _workers = Task.WhenAll(Enumerable.Range(0, _options.Concurrency).Select(_ => Task.Run(Work, CancellationToken.None)));
    }

    public Task Publish(IReadOnlyList<Message> messages, CancellationToken stop) => Task.WhenAll(messages.Select(message => Publish(message, stop)));

    public async ValueTask<IAsyncDisposable> Subscribe(SubscribeRequest request, MessageHandler handler, CancellationToken stop)
    {
        var subscription = new RedisSubscription(_connection, _options, request, handler, _queue.Writer, _log);
        await Task.WhenAny(subscription.Started, Task.Delay(SubscribePatience, stop));
        return subscription;
    }

    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _workers;
        await _connection.DisposeAsync();
    }

    /// <exception cref="IOException">Redis has not taken it; if the connection was lost, it may be in the stream.</exception>
    private Task<RedisValue> Publish(Message message, CancellationToken cancellationToken)
    {
        // Go writes a map's keys in their order.
        var metadata = new SortedDictionary<string, string>(message.Metadata.ToDictionary(), StringComparer.Ordinal);
        NameValueEntry[] entry = [new("data", message.Data), new("metadata", JsonSerializer.SerializeToUtf8Bytes(metadata))];
        var limit = _options.MaxLenApprox > 0 ? new StreamAddOptions { MaxLength = _options.MaxLenApprox, Approximate = true }
            : _options.StreamTtl > TimeSpan.Zero ? new StreamAddOptions { MinId = $"{(DateTimeOffset.UtcNow - _options.StreamTtl).ToUnixTimeMilliseconds()}-1", Approximate = true }
            : new StreamAddOptions();
        return _connection.Ask(database => database.StreamAddAsync(message.Topic, entry, limit), cancellationToken);
    }

    private async Task Work()
    {
        await foreach (var delivery in _queue.Reader.ReadAllAsync())
        {
            await delivery.Subscription.Deliver(delivery);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "maxLenApprox and streamTTL are both set; Redis cuts off a stream by one of them only, and maxLenApprox it is")]
    private partial void LogTwoLimits();
}
