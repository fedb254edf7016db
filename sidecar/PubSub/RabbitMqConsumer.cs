using System.Collections.Concurrent;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Lavka.Sidecar.PubSub;

/// <summary>
/// Listens to a queue on a channel that is its own and ends with it. A message is acknowledged on the channel it came on or not at all: to another channel the
/// number of a delivery says nothing, or something else.
/// </summary>
internal sealed class RabbitMqConsumer : IAsyncDisposable
{
    private const ushort Unlimited = 64;
    private static readonly TimeSpan RequeuePause = TimeSpan.FromMilliseconds(100);

    // What the app has taken, its answer still on the way, must not come again because we leave.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    // Who says good-bye into a partition gets no answer.
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(2);

    private readonly IChannel _channel;
    private readonly string _topic;
    private readonly MessageHandler _handler;
    private readonly RabbitMqOptions _options;
    private readonly ConcurrentDictionary<ulong, Task> _running = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource<string> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private string _tag = "";
    private volatile bool _isEnding;

    private RabbitMqConsumer(IChannel channel, string topic, MessageHandler handler, RabbitMqOptions options) =>
        (_channel, _topic, _handler, _options) = (channel, topic, handler, options);

    /// <summary>Completes when RabbitMQ delivers no more, with the reason: the queue was deleted, the channel closed for a mistake or a message held too long, the connection lost.</summary>
    public Task<string> Ended => _ended.Task;

    /// <summary>How many messages it is at.</summary>
    public int Unacknowledged => _running.Count;

    /// <summary>How many messages a channel is to hand out at a time.</summary>
    public static ushort Concurrency(RabbitMqOptions options) => !options.Parallel ? (ushort)1 : options.PrefetchCount > 0 ? options.PrefetchCount : Unlimited;

    /// <param name="channel">Its channel, with as much <see cref="Concurrency"/>; it closes it in the end.</param>
    /// <param name="queue">The queue.</param>
    /// <param name="topic">The topic that the messages are of.</param>
    /// <param name="handler">Gets the messages, until the channel ends.</param>
    /// <param name="options">The component's fields.</param>
    /// <param name="stop">Cancels the start.</param>
    public static async Task<RabbitMqConsumer> Start(IChannel channel, string queue, string topic, MessageHandler handler, RabbitMqOptions options, CancellationToken stop)
    {
        var consumer = new RabbitMqConsumer(channel, topic, handler, options);
        await consumer.Start(queue, stop);
        return consumer;
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAny(End(), Task.Delay(EndPatience));
    }

    private async Task End()
    {
        _isEnding = true;
        _stop.CancelAfter(Grace);
        try
        {
            if (_channel.IsOpen)
            {
                await _channel.BasicCancelAsync(_tag, noWait: true);
            }
        }
        catch (Exception e) when (RabbitMqErrors.IsFailure(e))
        {
            // It delivers nothing any more.
        }

        await Task.WhenAll(_running.Values);
        await RabbitMqConnection.Discard(_channel);
    }

    private async Task Start(string queue, CancellationToken stop)
    {
        if (_options.PrefetchCount > 0)
        {
            await _channel.BasicQosAsync(0, _options.PrefetchCount, global: false, stop);
        }

        var consumer = new AsyncEventingBasicConsumer(_channel);
        consumer.ReceivedAsync += Receive;
        consumer.UnregisteredAsync += (_, _) => _isEnding ? Task.CompletedTask : SetEnded("RabbitMQ has ended the subscription; its queue was deleted, perhaps");
        _channel.ChannelShutdownAsync += (_, reason) => SetEnded(reason.ReplyText);
        _tag = await _channel.BasicConsumeAsync(queue, _options.AutoAck, consumer, stop);
    }

    /// <summary>What comes of the messages at hand is of no interest any more: they come again.</summary>
    private Task SetEnded(string why)
    {
        _ended.TrySetResult(why);
        return _stop.CancelAsync();
    }

    private async Task Receive(object sender, BasicDeliverEventArgs delivery)
    {
        if (_isEnding)
        {
            // Not begun, not acknowledged: it goes to another.
            return;
        }

        // The client's buffer is used again afterwards.
        var (message, tag) = (new Message(_topic, delivery.Body.ToArray(), Message.NoMetadata), delivery.DeliveryTag);
        var done = new TaskCompletionSource();
        _running[tag] = done.Task;
        try
        {
            await Task.Yield();
            var taken = await TryHandle(message);
            if (!_options.AutoAck && taken is not null && _channel.IsOpen)
            {
                await (taken.Value ? _channel.BasicAckAsync(tag, multiple: false) : _channel.BasicNackAsync(tag, multiple: false, _options.RequeueInFailure));
            }
        }
        catch (Exception e) when (RabbitMqErrors.IsFailure(e))
        {
            // The connection broke meanwhile, or the channel is of no use any more: the broker delivers the message again to the next.
            await SetEnded(RabbitMqErrors.Explain(e));
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
            if (_options.RequeueInFailure)
            {
                await Task.Delay(RequeuePause, _stop.Token).ContinueWith(_ => { }, TaskScheduler.Default);
            }

            return false;
        }
        catch (Exception)
        {
            return null;
        }
    }
}
