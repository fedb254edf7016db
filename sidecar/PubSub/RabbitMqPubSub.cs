using System.Globalization;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Lavka.Sidecar.PubSub;

/// <summary>
/// <c>pubsub.rabbitmq</c>: a topic is an exchange, a consumer group's subscription a queue <c>{consumerID}-{topic}</c> bound to it, as in daprd
/// (Dapr: reference/components-reference/supported-pubsub/setup-rabbitmq). A connection that breaks is made again, and the subscriptions with it. Unlike in daprd the
/// broker confirms what is published unless <c>publisherConfirm</c> is false, so that what was answered with success is the broker's.
/// </summary>
internal sealed partial class RabbitMqPubSub(RabbitMqOptions options, ILogger<RabbitMqPubSub> log) : IPubSub
{
    private const int PublishTries = 3;
    private static readonly TimeSpan SubscribePatience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan RefusedPause = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan BrokenPause = TimeSpan.FromMilliseconds(100);

    private readonly RabbitMqConnection _connection = new(options, log);
    private readonly SemaphoreSlim _opening = new(1);
    private IChannel? _publishing;

    public IReadOnlyList<string> Capabilities { get; } = ["MESSAGE_TTL"];

    public bool HandlesTtl => true;

    public Task Start(CancellationToken stop) => _connection.Start(stop);

    public Task Publish(IReadOnlyList<Message> messages, CancellationToken stop) => Task.WhenAll(messages.Select(message => Publish(message, stop)));

    public async ValueTask<IAsyncDisposable> Subscribe(SubscribeRequest request, MessageHandler handler, CancellationToken stop)
    {
        var subscription = new RabbitMqSubscription(_connection, options, request, handler, log);

        // As long as daprd waits; it goes on trying after that.
        await Task.WhenAny(subscription.Started, Task.Delay(SubscribePatience, stop));
        return subscription;
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    /// <summary>While there is no connection it waits for one, since most are back soon; but no longer than RabbitMQ may take to answer.</summary>
    /// <exception cref="IOException">RabbitMQ has not confirmed the message.</exception>
    private async Task Publish(Message message, CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(RabbitMqConnection.AnswerTimeout);
        for (var tries = 1; ; tries++)
        {
            try
            {
                var channel = await Channel(await _connection.Get(message.Topic, limit.Token), limit.Token);
                await channel.BasicPublishAsync(message.Topic, message.Metadata.GetValueOrDefault("routingKey") ?? "", mandatory: false, Properties(message), message.Data, limit.Token);
                return;
            }
            catch (Exception e) when (RabbitMqErrors.IsFailure(e) && !stop.IsCancellationRequested)
            {
                if (limit.IsCancellationRequested)
                {
                    throw new IOException(_connection.Problem ?? $"RabbitMQ at {_connection.Address} has not confirmed it within {RabbitMqConnection.AnswerTimeout.TotalSeconds} s");
                }

                _connection.Forget(message.Topic);
                if (tries == PublishTries || RabbitMqErrors.IsRefusal(e))
                {
                    throw new IOException(_connection.Problem ?? RabbitMqErrors.Explain(e));
                }

                LogNotPublished(message.Topic, tries, PublishTries, RabbitMqErrors.Explain(e));
                await Task.Delay(e is PublishException ? RefusedPause : BrokenPause, limit.Token).ContinueWith(_ => { }, TaskScheduler.Default);
            }
        }
    }

    /// <summary>The publishers' channel. The broker closes one for a mistake made on it, a missing exchange for instance; then there is a new one.</summary>
    private async ValueTask<IChannel> Channel(IConnection connection, CancellationToken stop)
    {
        if (_publishing is { IsOpen: true } open)
        {
            return open;
        }

        await _opening.WaitAsync(stop);
        try
        {
            if (_publishing is not { IsOpen: true })
            {
                var closed = _publishing;
                _publishing = await RabbitMqConnection.Within(connection.CreateChannelAsync(new(options.PublisherConfirm, options.PublisherConfirm), stop), stop);
                if (closed is not null)
                {
                    _ = RabbitMqConnection.Discard(closed);
                }
            }

            return _publishing;
        }
        finally
        {
            _opening.Release();
        }
    }

    private BasicProperties Properties(Message message)
    {
        var properties = new BasicProperties { ContentType = "text/plain", DeliveryMode = options.Persistent ? DeliveryModes.Persistent : DeliveryModes.Transient };
        var ttl = Ttl(message.Metadata) ?? options.Ttl;
        if (ttl is not null)
        {
            properties.Expiration = ((long)ttl.Value.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
        }

        if (message.Metadata.TryGetValue("priority", out var priority) && byte.TryParse(priority, NumberStyles.None, CultureInfo.InvariantCulture, out var level))
        {
            properties.Priority = level;
        }

        return properties;
    }

    private static TimeSpan? Ttl(IReadOnlyDictionary<string, string> metadata) =>
        metadata.GetValueOrDefault("ttlInSeconds") is { } text && long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds > 0
            ? TimeSpan.FromSeconds(seconds)
            : null;

    [LoggerMessage(Level = LogLevel.Debug, Message = "Publishing to {Topic} failed, attempt {Try} of {Tries}: {Problem}")]
    private partial void LogNotPublished(string topic, int @try, int tries, string problem);
}
