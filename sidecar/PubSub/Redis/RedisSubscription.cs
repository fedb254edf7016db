using System.Collections.Concurrent;
using System.Text.Json;
using System.Threading.Channels;
using Lavka.Sidecar.Redis;
using StackExchange.Redis;

namespace Lavka.Sidecar.PubSub.Redis;

/// <summary>
/// One consumer group's member in one stream: it reads what is new, and looks for what other members, or it in an earlier life, read and have not acknowledged. As in daprd a message is
/// acknowledged when the app has taken it and when it has failed for good; only what nobody answers for comes again. What it has in its own hands it does not give itself again.
/// </summary>
internal sealed partial class RedisSubscription : IAsyncDisposable, ILaggingSubscription
{
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    // What the app has taken, its answer still on the way, must not come again because we leave.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    // Who says good-bye into a partition gets no answer.
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(3);

    private readonly RedisConnection _connection;
    private readonly RedisPubSubOptions _options;
    private readonly string _topic;
    private readonly string _group;
    private readonly MessageHandler _handler;
    private readonly ChannelWriter<RedisDelivery> _queue;
    private readonly ILogger _log;
    private readonly RedisStreamReader _reader;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _cut = new();
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // What was read and is not acknowledged, and of that what is being worked on.
    private readonly ConcurrentDictionary<string, bool> _held = new();
    private readonly ConcurrentDictionary<string, Task> _running = new();
    private readonly Task _reading;
    private readonly Task _redelivering;
    private string? _problem;

    public RedisSubscription(
        RedisConnection connection, RedisPubSubOptions options, SubscribeRequest request, MessageHandler handler, ChannelWriter<RedisDelivery> queue, ILogger log)
    {
        (_connection, _options, _handler, _queue, _log) = (connection, options, handler, queue, log);
        (_topic, _group) = (request.Topic, request.Consumer);
        _reader = new(options, _topic, _group);
        _reading = Task.Run(Read);
        _redelivering = options.Redelivers ? Task.Run(Redeliver) : Task.CompletedTask;
    }

    /// <summary>Completes when the group is there, or when that is not to be without somebody's help.</summary>
    public Task Started => _started.Task;

    /// <inheritdoc/>
    public async Task<Lag> Lag(CancellationToken stop)
    {
        var groups = await _connection.Ask(database => database.StreamGroupInfoAsync(_topic), stop);
        var length = await _connection.Ask(database => database.StreamLengthAsync(_topic), stop);
        return groups.FirstOrDefault(group => group.Name == _group) is { Lag: { } lag } own ? new(lag + own.PendingMessageCount, length)
            : throw new IOException($"Redis does not know how far the consumer group '{_group}' is in {_topic}; from version 7 on it does, as long as nothing is deleted in between");
    }

    /// <summary>Brings a message to the app, and acknowledges it once that is over.</summary>
    public async Task Deliver(RedisDelivery delivery)
    {
        var done = new TaskCompletionSource();
        _running[delivery.Id] = done.Task;
        try
        {
            if (!_stop.IsCancellationRequested && await TryHandle(delivery) && await TryAcknowledge(delivery.Id))
            {
                _held.TryRemove(delivery.Id, out _);
            }
        }
        finally
        {
            _running.TryRemove(delivery.Id, out _);
            done.SetResult();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _cut.CancelAfter(Grace);
        await Task.WhenAny(End(), Task.Delay(EndPatience));
        await _reader.DisposeAsync();
    }

    private async Task End()
    {
        while (!_reading.IsCompleted)
        {
            try
            {
                await _reader.Wake(_connection, _cut.Token);
            }
            catch (Exception e) when (e is IOException or OperationCanceledException)
            {
                // Then it ends when it has waited long enough.
            }

            await Task.WhenAny(_reading, Task.Delay(Pause));
        }

        await _redelivering;
        await Task.WhenAll(_running.Values);
        await Release();
    }

    /// <summary>Lets others take over at once what was read and not acknowledged: it counts as having been with us for as long as it may.</summary>
    private async Task Release()
    {
        var ids = _held.Keys.ToList();
        if (ids.Count == 0 || !_options.Redelivers)
        {
            return;
        }

        try
        {
            object[] arguments =
            [
                (RedisKey)_topic, _group, _group, 0, .. ids, "IDLE", (long)_options.ProcessingTimeout.TotalMilliseconds, "JUSTID",
            ];
            await _connection.Ask(database => database.ExecuteAsync("XCLAIM", arguments), default);
        }
        catch (IOException)
        {
            // Then they wait for the rest of their time.
        }
    }

    private async Task Read()
    {
        var isThere = false;
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                if (!isThere)
                {
                    await MakeGroup();
                    isThere = true;
                    _started.TrySetResult();
                }

                await Enqueue(await _reader.Read(_stop.Token));
                _problem = null;
            }
            catch (IOException e)
            {
                isThere = !Report(e) && isThere;
                await Task.Delay(Pause, _stop.Token).ContinueWith(_ => { }, TaskScheduler.Default);
            }
            catch (Exception e) when (e is OperationCanceledException or ChannelClosedException)
            {
                return;
            }
        }
    }

    /// <summary>True: the group has to be made again.</summary>
    private bool Report(IOException e)
    {
        var hasNoGroup = RedisErrors.Is(e, "NOGROUP");
        if (hasNoGroup)
        {
            LogNoGroup(_group, _topic);
        }
        else if (RedisErrors.Answer(e) is not null && e.Message != _problem)
        {
            // A lost connection is reported once for all subscriptions, and comes back.
            _problem = e.Message;
            LogNotSubscribed(_topic, e.Message);
            _started.TrySetResult();
        }

        return hasNoGroup;
    }

    private async Task MakeGroup()
    {
        try
        {
            await _connection.Ask(database => database.StreamCreateConsumerGroupAsync(_topic, _group, "0", createStream: true), _stop.Token);
        }
        catch (IOException e) when (RedisErrors.Is(e, "BUSYGROUP"))
        {
            // It is there already.
        }
    }

    private async Task Redeliver()
    {
        try
        {
            await _started.Task.WaitAsync(_stop.Token);
            using var timer = new PeriodicTimer(_options.RedeliverInterval);
            do
            {
                try
                {
                    await TakeOver();
                }
                catch (IOException e)
                {
                    Report(e);
                }
            }
            while (await timer.WaitForNextTickAsync(_stop.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or ChannelClosedException)
        {
            // The subscription ends.
        }
    }

    /// <summary>Takes what has been with somebody for too long.</summary>
    private async Task TakeOver()
    {
        RedisValue from = "-";
        while (true)
        {
            var pending = await _connection.Ask(database => database.StreamPendingMessagesAsync(_topic, _group, _options.QueueDepth, RedisValue.Null, from, "+"), _stop.Token);
            RedisValue[] late =
            [
                .. pending.Where(message => message.IdleTimeInMilliseconds >= _options.ProcessingTimeout.TotalMilliseconds && !_held.ContainsKey(message.MessageId.ToString()))
                    .Select(message => message.MessageId),
            ];
            if (late.Length > 0)
            {
                // Of two members that try it at once, one gets them: for the other they are not late any more.
                var claimed = await _connection.Change(
                    database => database.StreamClaimAsync(_topic, _group, _group, (long)_options.ProcessingTimeout.TotalMilliseconds, late), _stop.Token);
                var there = claimed.Where(entry => !entry.IsNull).ToList();
                await Forget(late.Except(there.Select(entry => entry.Id)));
                await Enqueue(there);
            }

            if (pending.Length < _options.QueueDepth)
            {
                return;
            }

            from = After(pending[^1].MessageId.ToString());
        }
    }

    /// <summary>What was cut off from the stream, or deleted, nobody can deliver any more.</summary>
    private async Task Forget(IEnumerable<RedisValue> ids)
    {
        foreach (var id in ids)
        {
            if ((await _connection.Ask(database => database.StreamRangeAsync(_topic, id, id), _stop.Token)).Length == 0)
            {
                await _connection.Ask(database => database.StreamAcknowledgeAsync(_topic, _group, id), _stop.Token);
            }
        }
    }

    private static string After(string id) => id.Split('-') is [var time, var number] ? $"{time}-{ulong.Parse(number) + 1}" : id;

    private async Task Enqueue(IReadOnlyList<StreamEntry> entries)
    {
        foreach (var entry in entries)
        {
            _held[entry.Id.ToString()] = true;
        }

        foreach (var entry in entries)
        {
            await _queue.WriteAsync(new(this, entry.Id.ToString(), ToMessage(entry)), _stop.Token);
        }
    }

    private Message ToMessage(StreamEntry entry)
    {
        var metadata = Message.NoMetadata;
        try
        {
            var text = entry["metadata"];
            metadata = text.IsNullOrEmpty ? metadata : JsonSerializer.Deserialize<Dictionary<string, string>>((byte[])text!) ?? metadata;
        }
        catch (JsonException e)
        {
            LogNoMetadata(entry.Id.ToString(), _topic, e.Message);
        }

        return new(_topic, (byte[]?)entry["data"] ?? [], metadata);
    }

    /// <summary>False: the subscription ends, and the message is for another.</summary>
    private async Task<bool> TryHandle(RedisDelivery delivery)
    {
        try
        {
            await _handler(delivery.Message, _cut.Token);
            return true;
        }
        catch (Exception) when (_cut.IsCancellationRequested)
        {
            return false;
        }
        catch (Exception e)
        {
            // The retries that there are to be are used up. So daprd does, in whose log it is an error as well.
            LogGivenUp(delivery.Id, _topic, e.Message);
            return true;
        }
    }

    /// <summary>False: Redis was not there until the end of the subscription.</summary>
    private async Task<bool> TryAcknowledge(string id)
    {
        while (true)
        {
            try
            {
                await _connection.Ask(database => database.StreamAcknowledgeAsync(_topic, _group, id), default);
                return true;
            }
            catch (IOException) when (!_cut.IsCancellationRequested)
            {
                await Task.Delay(Pause, _cut.Token).ContinueWith(_ => { }, TaskScheduler.Default);
            }
            catch (IOException)
            {
                return false;
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "The consumer group {Group} of {Topic} is gone: Redis has lost data, or somebody has deleted it. It is made again, and reads the stream from its start")]
    private partial void LogNoGroup(string group, string topic);

    [LoggerMessage(Level = LogLevel.Error, Message = "The subscription to {Topic} does not run, it is tried again: {Problem}")]
    private partial void LogNotSubscribed(string topic, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "The metadata of message {Id} in {Topic} does not read: {Problem}")]
    private partial void LogNoMetadata(string id, string topic, string problem);

    [LoggerMessage(Level = LogLevel.Error, Message = "Message {Id} of {Topic} has failed and does not come again, as there is no policy to retry it further: {Problem}")]
    private partial void LogGivenUp(string id, string topic, string problem);
}
