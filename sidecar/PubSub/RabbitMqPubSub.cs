using System.Collections.Concurrent;
using System.Globalization;
using Lavka.Sidecar.Resources;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace Lavka.Sidecar.PubSub;

/// <summary>
/// <c>pubsub.rabbitmq</c>: a topic is an exchange, a consumer group's subscription a queue <c>{consumerID}-{topic}</c> bound to it, as in daprd
/// (Dapr: reference/components-reference/supported-pubsub/setup-rabbitmq). A connection that breaks is made again, subscriptions included. Unlike in daprd the
/// broker confirms what is published unless <c>publisherConfirm</c> is false, so that what was answered with success is the broker's.
/// </summary>
internal sealed partial class RabbitMqPubSub(RabbitMqOptions options, ILogger<RabbitMqPubSub> log) : IPubSub
{
    private const int PublishTries = 3;
    private const ushort Unlimited = 64;
    private static readonly TimeSpan RequeuePause = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan SubscribePatience = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan PublishPause = TimeSpan.FromSeconds(2);

    private readonly ConcurrentDictionary<string, bool> _exchanges = new();
    private readonly SemaphoreSlim _declaring = new(1);
    private IConnection? _connection;
    private IChannel? _publishing;

    public IReadOnlyList<string> Capabilities { get; } = ["MESSAGE_TTL"];

    public bool HandlesTtl => true;

    private RabbitMqOptions Options => options;

    public async Task Start(CancellationToken stop)
    {
        var factory = new ConnectionFactory
        {
            Uri = options.Address,
            ClientProvidedName = options.ClientName,
            RequestedHeartbeat = options.Heartbeat,
            AutomaticRecoveryEnabled = true,
            TopologyRecoveryEnabled = true,
            NetworkRecoveryInterval = options.ReconnectWait,
        };
        if (options.Address.Scheme == "amqps")
        {
            factory.Ssl = new SslOption(options.Address.Host, enabled: true)
            {
                CertificateValidationCallback = (_, certificate, _, errors) => options.Tls.IsTrusted(certificate, errors),
                Certs = options.Tls.Client is { } client ? [client] : null,
            };
        }

        _connection = await factory.CreateConnectionAsync(stop);
        _connection.ConnectionShutdownAsync += (_, reason) =>
        {
            if (reason.Initiator != ShutdownInitiator.Application)
            {
                LogLost(options.Address.Host, reason.ReplyText);
            }

            return Task.CompletedTask;
        };
        _connection.RecoverySucceededAsync += (_, _) =>
        {
            LogBack(options.Address.Host);
            return Task.CompletedTask;
        };
        _publishing = await _connection.CreateChannelAsync(new(options.PublisherConfirm, options.PublisherConfirm), stop);
    }

    public Task Publish(IReadOnlyList<Message> messages, CancellationToken stop) => Task.WhenAll(messages.Select(message => Publish(message, stop)));

    public async ValueTask<IAsyncDisposable> Subscribe(SubscribeRequest request, MessageHandler handler)
    {
        var subscription = new Subscription(this, request, handler);

        // As long as daprd waits; it goes on trying after that.
        await Task.WhenAny(subscription.Started, Task.Delay(SubscribePatience));
        return subscription;
    }

    public async ValueTask DisposeAsync()
    {
        if (_publishing is not null)
        {
            await _publishing.DisposeAsync();
        }

        if (_connection is not null)
        {
            await _connection.DisposeAsync();
        }

        _declaring.Dispose();
    }

    private async Task Publish(Message message, CancellationToken stop)
    {
        for (var tries = 1; ; tries++)
        {
            try
            {
                await Declare(message.Topic, stop);
                await (await Publishing(stop)).BasicPublishAsync(message.Topic, message.Metadata.GetValueOrDefault("routingKey") ?? "", mandatory: false, Properties(message), message.Data, stop);
                return;
            }
            catch (Exception e) when (e is AlreadyClosedException or OperationInterruptedException or PublishException or IOException && tries < PublishTries && !stop.IsCancellationRequested)
            {
                _exchanges.TryRemove(message.Topic, out _);
                LogNotPublished(message.Topic, tries, PublishTries, e.Message);
                await Task.Delay(_connection!.IsOpen ? PublishPause : options.ReconnectWait, stop);
            }
        }
    }

    /// <summary>The publishers' channel. The broker closes one for a mistake made on it, a missing exchange for instance; then there is a new one.</summary>
    private async ValueTask<IChannel> Publishing(CancellationToken stop)
    {
        if (_publishing!.IsOpen || !_connection!.IsOpen)
        {
            return _publishing;
        }

        await _declaring.WaitAsync(stop);
        try
        {
            if (_publishing is { IsOpen: false } closed)
            {
                _publishing = await _connection.CreateChannelAsync(new(options.PublisherConfirm, options.PublisherConfirm), stop);
                await closed.DisposeAsync();
            }

            return _publishing;
        }
        finally
        {
            _declaring.Release();
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

    /// <summary>Makes the topic's exchange, once.</summary>
    private async Task Declare(string topic, CancellationToken stop)
    {
        if (_exchanges.ContainsKey(topic))
        {
            return;
        }

        // A channel of its own: a refused declaration closes it, and must not close the publishers'.
        await _declaring.WaitAsync(stop);
        try
        {
            await using var channel = await _connection!.CreateChannelAsync(cancellationToken: stop);
            await channel.ExchangeDeclareAsync(topic, options.ExchangeKind, options.Durable, options.DeletedWhenUnused, cancellationToken: stop);
            _exchanges[topic] = true;
        }
        finally
        {
            _declaring.Release();
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The connection to RabbitMQ at {Host} is lost: {Problem}")]
    private partial void LogLost(string host, string problem);

    [LoggerMessage(Level = LogLevel.Information, Message = "The connection to RabbitMQ at {Host} is back")]
    private partial void LogBack(string host);

    [LoggerMessage(Level = LogLevel.Warning, Message = "Publishing to {Topic} failed, attempt {Try} of {Tries}: {Problem}")]
    private partial void LogNotPublished(string topic, int @try, int tries, string problem);

    [LoggerMessage(Level = LogLevel.Error, Message = "Subscribing to {Topic} failed, trying again: {Problem}")]
    private partial void LogNotSubscribed(string topic, string problem);

    /// <summary>One queue's consumer on a channel of its own.</summary>
    private sealed class Subscription : IAsyncDisposable
    {
        private readonly RabbitMqPubSub _broker;
        private readonly SubscribeRequest _request;
        private readonly MessageHandler _handler;
        private readonly CancellationTokenSource _stop = new();
        private readonly ConcurrentDictionary<ulong, Task> _running = new();
        private readonly Task _starting;
        private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private TaskCompletionSource _broken = new();
        private IChannel? _channel;
        private string? _tag;

        public Subscription(RabbitMqPubSub broker, SubscribeRequest request, MessageHandler handler)
        {
            (_broker, _request, _handler) = (broker, request, handler);
            _starting = Task.Run(Start);
        }

        /// <summary>Completes when the queue is there and listened to.</summary>
        public Task Started => _started.Task;

        private RabbitMqOptions Options => _broker.Options;

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _starting;
            if (_channel is not null)
            {
                if (_tag is not null && _channel.IsOpen)
                {
                    await _channel.BasicCancelAsync(_tag, noWait: true);
                }

                await Task.WhenAll(_running.Values);
                await _channel.DisposeAsync();
            }

            _stop.Dispose();
        }

        private async Task Start()
        {
            while (!_stop.IsCancellationRequested)
            {
                try
                {
                    await Consume();
                    _started.TrySetResult();
                    await _broken.Task.WaitAsync(_stop.Token);
                    _broker.LogNotSubscribed(_request.Topic, "the broker has ended the subscription");
                    await _channel!.DisposeAsync();
                }
                catch (Exception e) when (e is AlreadyClosedException or OperationInterruptedException or IOException or OperationCanceledException)
                {
                    if (!_stop.IsCancellationRequested)
                    {
                        _broker.LogNotSubscribed(_request.Topic, e.Message);
                    }
                }

                await Task.Delay(Options.ReconnectWait, _stop.Token).ContinueWith(_ => { }, TaskScheduler.Default);
            }
        }

        /// <summary>The queue was deleted, or the channel closed for a mistake. A lost connection is another matter: the client makes that and all upon it again.</summary>
        private Task ReportBroken()
        {
            if (_broker._connection!.IsOpen)
            {
                _broken.TrySetResult();
            }

            return Task.CompletedTask;
        }

        private async Task Consume()
        {
            _broken = new(TaskCreationOptions.RunContinuationsAsynchronously);
            await _broker.Declare(_request.Topic, _stop.Token);
            var concurrency = !Options.Parallel ? (ushort)1 : Options.PrefetchCount > 0 ? Options.PrefetchCount : Unlimited;
            _channel = await _broker._connection!.CreateChannelAsync(new(false, false, consumerDispatchConcurrency: concurrency), _stop.Token);
            if (Options.PrefetchCount > 0)
            {
                await _channel.BasicQosAsync(0, Options.PrefetchCount, global: false, _stop.Token);
            }

            var queue = _request.Metadata.GetValueOrDefault("queueName") is { Length: > 0 } own ? own : $"{_request.Consumer}-{_request.Topic}";
            await _channel.QueueDeclareAsync(queue, Options.Durable, exclusive: false, Options.DeletedWhenUnused, await Arguments(queue), cancellationToken: _stop.Token);
            foreach (var key in (_request.Metadata.GetValueOrDefault("routingKey") ?? "").Split(','))
            {
                await _channel.QueueBindAsync(queue, _request.Topic, key, cancellationToken: _stop.Token);
            }

            var consumer = new AsyncEventingBasicConsumer(_channel);
            consumer.ReceivedAsync += Receive;
            consumer.UnregisteredAsync += (_, _) => ReportBroken();
            _channel.ChannelShutdownAsync += (_, _) => ReportBroken();
            _tag = await _channel.BasicConsumeAsync(queue, Options.AutoAck, consumer, _stop.Token);
        }

        private async Task<Dictionary<string, object?>> Arguments(string queue)
        {
            var arguments = new Dictionary<string, object?> { ["x-queue-type"] = _request.Metadata.GetValueOrDefault("queueType") is { Length: > 0 } type ? type : "classic" };
            AddLimits(arguments);
            if (Options.EnableDeadLetter)
            {
                var (exchange, letters) = ($"dlx-{queue}", $"dlq-{queue}");
                await _channel!.ExchangeDeclareAsync(exchange, "fanout", durable: true, Options.DeletedWhenUnused, cancellationToken: _stop.Token);
                var limits = new Dictionary<string, object?> { ["x-queue-mode"] = "lazy" };
                AddLimits(limits);
                await _channel.QueueDeclareAsync(letters, durable: true, exclusive: false, Options.DeletedWhenUnused, limits, cancellationToken: _stop.Token);
                await _channel.QueueBindAsync(letters, exchange, "", cancellationToken: _stop.Token);
                arguments["x-dead-letter-exchange"] = exchange;
            }

            if (_request.Metadata.TryGetValue("maxPriority", out var most) && int.TryParse(most, NumberStyles.None, CultureInfo.InvariantCulture, out var priority))
            {
                arguments["x-max-priority"] = Math.Min(priority, 255);
            }

            if (_request.Metadata.TryGetValue("singleActiveConsumer", out var single) && YamlNodes.IsTrue(single))
            {
                arguments["x-single-active-consumer"] = true;
            }

            return arguments;
        }

        private void AddLimits(Dictionary<string, object?> arguments)
        {
            foreach (var (name, field, limit) in new[] { ("x-max-length", "maxLen", Options.MaxLen), ("x-max-length-bytes", "maxLenBytes", Options.MaxLenBytes) })
            {
                var own = long.TryParse(_request.Metadata.GetValueOrDefault(field), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : limit;
                if (own > 0)
                {
                    arguments[name] = own;
                }
            }
        }

        private Task Receive(object sender, BasicDeliverEventArgs delivery)
        {
            // The client's buffer is used again afterwards.
            var message = new Message(_request.Topic, delivery.Body.ToArray(), Message.NoMetadata);
            var done = new TaskCompletionSource();
            _running[delivery.DeliveryTag] = done.Task;
            return Handle(message, delivery.DeliveryTag, done);
        }

        private async Task Handle(Message message, ulong tag, TaskCompletionSource done)
        {
            await Task.Yield();
            try
            {
                var taken = await TryHandle(message);
                if (!Options.AutoAck && taken is not null && _channel is { IsOpen: true })
                {
                    await (taken.Value ? _channel.BasicAckAsync(tag, multiple: false) : _channel.BasicNackAsync(tag, multiple: false, Options.RequeueInFailure));
                }
            }
            catch (Exception e) when (e is AlreadyClosedException or OperationInterruptedException or ObjectDisposedException)
            {
                // The connection broke meanwhile: the broker delivers the message again.
            }
            finally
            {
                _running.TryRemove(tag, out _);
                done.SetResult();
            }
        }

        /// <summary>Null: the subscription ends, and the broker is to keep the message.</summary>
        private async Task<bool?> TryHandle(Message message)
        {
            try
            {
                await _handler(message, _stop.Token);
                return true;
            }
            catch (Exception) when (!_stop.IsCancellationRequested)
            {
                // Reported by the handler. Back in the queue it would come again at once, and again.
                if (Options.RequeueInFailure)
                {
                    await Task.Delay(RequeuePause, CancellationToken.None);
                }

                return false;
            }
            catch (Exception)
            {
                return null;
            }
        }
    }
}
