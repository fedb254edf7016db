using System.Text;
using Confluent.Kafka;

namespace Lavka.Sidecar.PubSub;

/// <summary>
/// <c>pubsub.kafka</c>: a message's <c>partitionKey</c> is its key, its metadata are its headers (Dapr: reference/components-reference/supported-pubsub/setup-apache-kafka).
/// Each partition is delivered in order, by one member of the consumer group; its offset moves on when the app has taken the message.
/// </summary>
internal sealed partial class KafkaPubSub(KafkaOptions options, ILogger<KafkaPubSub> log) : IPubSub
{
    private static readonly TimeSpan MetadataTimeout = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan FlushTimeout = TimeSpan.FromSeconds(10);

    private readonly Dictionary<string, KafkaConsumer> _consumers = [];
    private readonly HashSet<KafkaConsumer> _all = [];
    private readonly Lock _lock = new();
    private IProducer<string?, byte[]>? _producer;
    private string? _problem;
    private bool _isDisposed;

    public IReadOnlyList<string> Capabilities { get; } = ["BULK_PUBSUB"];

    /// <summary>Completes when a broker has answered.</summary>
    /// <exception cref="IOException">None has in time, or it refuses us.</exception>
    public Task Start(CancellationToken stop) => Task.Run(() =>
    {
        _producer = MakeProducer();
        using var admin = new DependentAdminClientBuilder(_producer.Handle).Build();
        while (true)
        {
            try
            {
                admin.GetMetadata(MetadataTimeout);
                return;
            }
            catch (KafkaException e) when (!stop.IsCancellationRequested && !IsRefused)
            {
                _problem ??= e.Error.Reason;
            }
            catch (KafkaException e)
            {
                throw new IOException($"Kafka at {options.Client.BootstrapServers}: {_problem ?? e.Error.Reason}");
            }
        }
    }, CancellationToken.None);

    public async Task Publish(IReadOnlyList<Message> messages, CancellationToken stop)
    {
        var producer = _producer!;
        try
        {
            await Task.WhenAll(messages.Select(message => producer.ProduceAsync(message.Topic, ToKafka(message), stop)));
        }
        catch (KafkaException e)
        {
            if (e.Error.IsFatal)
            {
                Renew(producer);
            }

            throw new IOException($"kafka: {e.Error.Reason}{(_problem is null || e.Error.Code != ErrorCode.Local_MsgTimedOut ? "" : $" ({_problem})")}");
        }
        catch (ObjectDisposedException)
        {
            throw new IOException("kafka: the producer is being made anew");
        }
    }

    public async ValueTask<IAsyncDisposable> Subscribe(SubscribeRequest request, MessageHandler handler, CancellationToken stop)
    {
        var subscription = Join(options.ConsumerGroup ?? request.Consumer, request, handler);
        await subscription.Started.WaitAsync(stop).ContinueWith(_ => { }, TaskScheduler.Default);
        return subscription;
    }

    public async ValueTask DisposeAsync()
    {
        List<KafkaConsumer> consumers;
        lock (_lock)
        {
            _isDisposed = true;
            consumers = [.. _all];
        }

        await Task.WhenAll(consumers.Select(consumer => consumer.DisposeAsync().AsTask()));
        if (_producer is { } producer)
        {
            await Task.Run(producer.Dispose);
        }
    }

    private bool IsRefused { get; set; }

    /// <summary>Subscribes with the group's consumer; if that is about to end, with another one.</summary>
    private KafkaConsumer.Subscription Join(string group, SubscribeRequest request, MessageHandler handler)
    {
        lock (_lock)
        {
            if (_consumers.TryGetValue(group, out var consumer) && consumer.Add(request, handler) is { } subscription)
            {
                return subscription;
            }

            ObjectDisposedException.ThrowIf(_isDisposed, this);
            _consumers[group] = consumer = new(group, options, Remove, log);
            _all.Add(consumer);
            return consumer.Add(request, handler)!;
        }
    }

    private void Remove(KafkaConsumer ended)
    {
        lock (_lock)
        {
            _all.Remove(ended);
            if (_consumers.GetValueOrDefault(ended.Group) == ended)
            {
                _consumers.Remove(ended.Group);
            }
        }
    }

    private IProducer<string?, byte[]> MakeProducer() => new ProducerBuilder<string?, byte[]>(Merge(options.Client, options.Producer))
        .SetErrorHandler((_, error) => Report(error))
        .SetLogHandler((_, line) => LogClient(line.Name, line.Message))
        .Build();

    /// <summary>An idempotent producer that has lost count can send no more; a new one counts anew.</summary>
    private void Renew(IProducer<string?, byte[]> failed)
    {
        lock (_lock)
        {
            if (_producer == failed)
            {
                _producer = MakeProducer();
                _ = Task.Run(() =>
                {
                    // Who still waits for an answer gets one.
                    failed.Flush(FlushTimeout);
                    failed.Dispose();
                });
            }
        }
    }

    private void Report(Error error)
    {
        IsRefused |= error.Code is ErrorCode.Local_Authentication or ErrorCode.SaslAuthenticationFailed or ErrorCode.Local_Ssl;
        if (error.Reason != _problem)
        {
            _problem = error.Reason;
            LogProblem(error.Reason);
        }
    }

    private Message<string?, byte[]> ToKafka(Message message)
    {
        var headers = new Headers();
        foreach (var (name, value) in message.Metadata.Where(pair => options.ExcludedHeaders?.IsMatch(pair.Key) != true))
        {
            headers.Add(name, Encoding.UTF8.GetBytes(value));
        }

        return new() { Key = message.Metadata.GetValueOrDefault("partitionKey") ?? message.Metadata.GetValueOrDefault("__key"), Value = message.Data.ToArray(), Headers = headers };
    }

    internal static Dictionary<string, string> Merge(params ReadOnlySpan<Config> parts)
    {
        var all = new Dictionary<string, string>();
        foreach (var part in parts)
        {
            foreach (var (name, value) in part)
            {
                all[name] = value;
            }
        }

        return all;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Kafka: {Problem}")]
    private partial void LogProblem(string problem);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Client}: {Text}")]
    private partial void LogClient(string client, string text);
}
