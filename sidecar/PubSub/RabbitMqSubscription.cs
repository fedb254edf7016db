using System.Globalization;
using Lavka.Sidecar.Resources;
using RabbitMQ.Client;

namespace Lavka.Sidecar.PubSub;

/// <summary>One queue's consumer: it declares the queue, and listens to it again whenever RabbitMQ or the connection has ended that.</summary>
internal sealed partial class RabbitMqSubscription : IAsyncDisposable, ILaggingSubscription
{
    private static readonly TimeSpan BrokenPause = TimeSpan.FromMilliseconds(100);

    private readonly RabbitMqConnection _connection;
    private readonly RabbitMqOptions _options;
    private readonly SubscribeRequest _request;
    private readonly MessageHandler _handler;
    private readonly ILogger _log;
    private readonly string _queue;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _running;
    private volatile RabbitMqConsumer? _consumer;
    private string? _problem;

    public RabbitMqSubscription(RabbitMqConnection connection, RabbitMqOptions options, SubscribeRequest request, MessageHandler handler, ILogger log)
    {
        (_connection, _options, _request, _handler, _log) = (connection, options, request, handler, log);
        _queue = request.Metadata.GetValueOrDefault("queueName") is { Length: > 0 } own ? own : $"{request.Consumer}-{request.Topic}";
        _running = Task.Run(Run);
    }

    /// <summary>Completes when the queue is there and listened to, or when that is not to be without somebody's help.</summary>
    public Task Started => _started.Task;

    private string QueueType => _request.Metadata.GetValueOrDefault("queueType") is { Length: > 0 } type ? type : "classic";

    /// <inheritdoc/>
    /// <remarks>RabbitMQ tells others about the messages in the queue only; of those that are delivered, and not acknowledged yet, this counts its own.</remarks>
    public async Task<Lag> Lag(CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(RabbitMqConnection.AnswerTimeout);
        try
        {
            var connection = await RabbitMqConnection.Within(_connection.Get(_request.Topic, limit.Token), limit.Token);
            await using var channel = await RabbitMqConnection.Within(connection.CreateChannelAsync(cancellationToken: limit.Token), limit.Token);
            var queue = await RabbitMqConnection.Within(channel.QueueDeclarePassiveAsync(_queue, limit.Token), limit.Token);
            return new(queue.MessageCount + (_consumer?.Unacknowledged ?? 0), null);
        }
        catch (Exception e) when (RabbitMqErrors.IsFailure(e))
        {
            throw new IOException(RabbitMqErrors.Explain(e));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _running;
        _stop.Dispose();
    }

    private async Task Run()
    {
        if (QueueType is not ("classic" or "quorum"))
        {
            // RabbitMQ closes the connection over it, with all that is on it.
            LogQueueType(_request.Topic, QueueType);
            _started.TrySetResult();
            return;
        }

        while (!_stop.IsCancellationRequested)
        {
            IConnection? connection = null;
            try
            {
                connection = await _connection.Get(_request.Topic, _stop.Token);
                await using var consumer = _consumer = await Consume(connection);
                _started.TrySetResult();
                _problem = null;
                var why = await consumer.Ended.WaitAsync(_stop.Token);
                if (connection.IsOpen)
                {
                    _connection.Forget(_request.Topic);
                    Report(why);
                }
            }
            catch (Exception e) when (!_stop.IsCancellationRequested)
            {
                // Whatever it is: a subscription that ended would be one that nobody misses.
                if (_connection.Problem is null && !RabbitMqErrors.IsLoss(e))
                {
                    Report(RabbitMqErrors.Explain(e));
                }

                if (RabbitMqErrors.IsRefusal(e))
                {
                    _started.TrySetResult();
                }
            }
            catch (Exception)
            {
                return;
            }

            // A lost connection is waited for above.
            await Task.Delay(connection is { IsOpen: false } ? BrokenPause : _connection.Pause, _stop.Token).ContinueWith(_ => { }, TaskScheduler.Default);
        }
    }

    private void Report(string problem)
    {
        if (problem != _problem)
        {
            _problem = problem;
            LogNotSubscribed(_request.Topic, problem);
        }
    }

    private async Task<RabbitMqConsumer> Consume(IConnection connection)
    {
        var channel = await RabbitMqConnection.Within(connection.CreateChannelAsync(new(false, false, consumerDispatchConcurrency: RabbitMqConsumer.Concurrency(_options)), _stop.Token), _stop.Token);
        try
        {
            await RabbitMqConnection.Within(Declare(channel), _stop.Token);
            return await RabbitMqConnection.Within(RabbitMqConsumer.Start(channel, _queue, _request.Topic, _handler, _options, _stop.Token), _stop.Token);
        }
        catch
        {
            _ = RabbitMqConnection.Discard(channel);
            throw;
        }
    }

    private async Task Declare(IChannel channel)
    {
        await channel.QueueDeclareAsync(_queue, _options.Durable, exclusive: false, _options.DeletedWhenUnused, await Arguments(channel), cancellationToken: _stop.Token);
        foreach (var key in (_request.Metadata.GetValueOrDefault("routingKey") ?? "").Split(','))
        {
            await channel.QueueBindAsync(_queue, _request.Topic, key, cancellationToken: _stop.Token);
        }
    }

    private async Task<Dictionary<string, object?>> Arguments(IChannel channel)
    {
        var arguments = new Dictionary<string, object?> { ["x-queue-type"] = QueueType };
        AddLimits(arguments);
        if (_options.EnableDeadLetter)
        {
            var (exchange, letters) = ($"dlx-{_queue}", $"dlq-{_queue}");
            await channel.ExchangeDeclareAsync(exchange, "fanout", durable: true, _options.DeletedWhenUnused, cancellationToken: _stop.Token);
            var limits = new Dictionary<string, object?> { ["x-queue-mode"] = "lazy" };
            AddLimits(limits);
            await channel.QueueDeclareAsync(letters, durable: true, exclusive: false, _options.DeletedWhenUnused, limits, cancellationToken: _stop.Token);
            await channel.QueueBindAsync(letters, exchange, "", cancellationToken: _stop.Token);
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
        foreach (var (name, field, limit) in new[] { ("x-max-length", "maxLen", _options.MaxLen), ("x-max-length-bytes", "maxLenBytes", _options.MaxLenBytes) })
        {
            var own = long.TryParse(_request.Metadata.GetValueOrDefault(field), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : limit;
            if (own > 0)
            {
                arguments[name] = own;
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "The subscription to {Topic} does not run: its queueType is '{Type}'; allowed are classic and quorum")]
    private partial void LogQueueType(string topic, string type);

    [LoggerMessage(Level = LogLevel.Error, Message = "The subscription to {Topic} does not run, it is tried again: {Problem}")]
    private partial void LogNotSubscribed(string topic, string problem);
}
