using System.Collections.Immutable;
using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using System.Threading.Channels;
using Confluent.Kafka;

namespace Lavka.Sidecar.PubSub;

/// <summary>This sidecar's member of one consumer group, for all its topics. A thread of its own speaks with the broker, and hands each partition's messages to a worker.</summary>
internal sealed partial class KafkaConsumer : IAsyncDisposable
{
    // Several subscriptions that come or go together are one rebalance.
    private static readonly TimeSpan Settling = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan PollTime = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan AssignmentPatience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan OffsetTimeout = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan CreationPatience = TimeSpan.FromSeconds(2);

    // What the app has taken, its answer still on the way, must not come again because the partition leaves us.
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    private readonly KafkaOptions _options;
    private readonly ILogger _log;
    private readonly IConsumer<string?, byte[]> _consumer;
    private readonly Dictionary<TopicPartition, Worker> _workers = [];
    private readonly Lock _lock = new();

    // Held by who uses the client from outside of its thread, and while it closes.
    private readonly Lock _client = new();
    private readonly Action<KafkaConsumer> _ended;
    private readonly TaskCompletionSource _finished = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ImmutableDictionary<string, Subscription> _topics = ImmutableDictionary<string, Subscription>.Empty;

    // The topics that the client was given last; the thread's own.
    private ImmutableDictionary<string, Subscription> _subscribed = ImmutableDictionary<string, Subscription>.Empty;
    private bool _isRunning;
    private bool _isClosed;
    private bool _isEnding;
    private string? _problem;

    public KafkaConsumer(string group, KafkaOptions options, Action<KafkaConsumer> ended, ILogger log)
    {
        (_options, _ended, _log) = (options, ended, log);
        _consumer = new ConsumerBuilder<string?, byte[]>(KafkaPubSub.Merge(options.Client, options.Consumer, new ConsumerConfig(new Dictionary<string, string>()) { GroupId = group }))
            .SetErrorHandler((_, error) => Report(error.Reason))
            .SetLogHandler((_, line) => LogClient(line.Name, line.Message))
            .SetPartitionsAssignedHandler((_, partitions) => Assign(partitions))
            .SetPartitionsRevokedHandler((_, partitions) => Leave([.. partitions.Select(partition => partition.TopicPartition)], areOurs: true))
            .SetPartitionsLostHandler((_, partitions) => Leave([.. partitions.Select(partition => partition.TopicPartition)], areOurs: false))
            .Build();
        Group = group;
    }

    /// <summary>The consumer group.</summary>
    public string Group { get; }

    /// <summary>Null when this consumer is about to end; make another.</summary>
    public Subscription? Add(SubscribeRequest request, MessageHandler handler)
    {
        lock (_lock)
        {
            if (_isEnding)
            {
                return null;
            }

            var subscription = new Subscription(this, request, handler);
            _topics = _topics.SetItem(request.Topic, subscription);
            if (_options.FromOldest)
            {
                // Whenever the partitions come to us: nothing that is published meanwhile is passed over.
                subscription.SetStarted();
            }

            if (!_isRunning)
            {
                _isRunning = true;
                new Thread(Run) { IsBackground = true, Name = $"kafka {Group}" }.Start();
            }

            return subscription;
        }
    }

    public async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            _isEnding = true;
            _topics = _topics.Clear();
        }

        await _finished.Task;
    }

    private void Run()
    {
        while (true)
        {
            try
            {
                if (_topics != _subscribed)
                {
                    Thread.Sleep(Settling);
                    Follow();
                }

                if (_subscribed.IsEmpty && End())
                {
                    return;
                }

                if (_consumer.Consume(PollTime) is { Message: not null } result && _workers.TryGetValue(result.TopicPartition, out var worker) && !worker.Add(result))
                {
                    _consumer.Pause([result.TopicPartition]);
                }

                if (_workers.Where(pair => pair.Value.WantsMore()).Select(pair => pair.Key).ToList() is { Count: > 0 } roomy)
                {
                    _consumer.Resume(roomy);
                }
            }
            catch (Exception e)
            {
                // A topic that is not there yet, a broker that is away: the client goes on trying. Whatever else it is, this thread has no one to tell.
                Report(Reason(e));
                Thread.Sleep(PollTime);
            }
        }
    }

    private static string Reason(Exception e) => e is KafkaException kafka ? kafka.Error.Reason : e.ToString();

    /// <summary>Subscribes to the topics there are now.</summary>
    private void Follow()
    {
        var (before, now) = (_subscribed, _topics);
        Leave([.. _workers.Keys.Where(partition => now.GetValueOrDefault(partition.Topic) != before.GetValueOrDefault(partition.Topic))], areOurs: true);
        var gone = before.Where(pair => now.GetValueOrDefault(pair.Key) != pair.Value).Select(pair => pair.Value).ToList();
        gone.ForEach(subscription => subscription.SetEnded());
        if (gone.Count > 0 && !now.IsEmpty)
        {
            // Also of a topic that is subscribed to anew: its partitions come again, each with a new worker.
            _consumer.Unsubscribe();
        }

        _subscribed = now;
        if (!now.IsEmpty)
        {
            AskFor(now.Keys.Except(before.Keys));
            _consumer.Subscribe(now.Keys);
        }
    }

    /// <summary>Has the broker make the topics that are not there yet: each that appears after we have joined the group costs the group another rebalance.</summary>
    private void AskFor(IEnumerable<string> topics)
    {
        using var admin = new DependentAdminClientBuilder(_consumer.Handle).Build();
        var since = Stopwatch.StartNew();
        bool IsThere(string topic) => admin.GetMetadata(topic, CreationPatience).Topics.Single().Error.Code == ErrorCode.NoError;
        while (topics.Where(topic => !IsThere(topic)).ToList() is { Count: > 0 } missing && since.Elapsed < CreationPatience)
        {
            topics = missing;
            Thread.Sleep(PollTime);
        }
    }

    /// <summary>Leaves the group when nobody subscribes any more. Closing does that by itself; closed while it still unsubscribes, a client that rebalances cooperatively can wait for itself without end.</summary>
    private bool End()
    {
        lock (_lock)
        {
            if (!_topics.IsEmpty)
            {
                _consumer.Unsubscribe();
                return false;
            }

            _isEnding = true;
        }

        lock (_client)
        {
            try
            {
                _consumer.Close();
            }
            catch (Exception e)
            {
                Report(Reason(e));
            }

            _consumer.Dispose();
            _isClosed = true;
        }

        _ended(this);
        _finished.SetResult();
        return true;
    }

    private IEnumerable<TopicPartitionOffset> Assign(List<TopicPartition> partitions)
    {
        var starts = _options.FromOldest ? partitions.ConvertAll(partition => new TopicPartitionOffset(partition, Offset.Unset)) : FromHere(partitions);
        foreach (var partition in partitions)
        {
            if (_topics.GetValueOrDefault(partition.Topic) is { } subscription)
            {
                _workers[partition] = new(this, subscription, partition);
            }
        }

        foreach (var subscription in _subscribed.Values)
        {
            subscription.SetStarted();
        }

        return starts;
    }

    /// <summary>Where the group is; a group that has been nowhere is at the end now, and stays there: a member that takes over before anything was committed must not start with what is newest then.</summary>
    private List<TopicPartitionOffset> FromHere(List<TopicPartition> partitions)
    {
        try
        {
            var starts = _consumer.Committed(partitions, OffsetTimeout).ConvertAll(start => start.Offset != Offset.Unset ? start
                : new TopicPartitionOffset(start.TopicPartition, _consumer.QueryWatermarkOffsets(start.TopicPartition, OffsetTimeout).High));
            _consumer.Commit(starts);
            return starts;
        }
        catch (KafkaException e)
        {
            Report(e.Error.Reason);
            return partitions.ConvertAll(partition => new TopicPartitionOffset(partition, Offset.Unset));
        }
    }

    /// <summary>Ends the partitions' workers and, while they still are ours, commits how far they have come.</summary>
    private void Leave(IReadOnlyList<TopicPartition> partitions, bool areOurs)
    {
        var leaving = partitions.Where(_workers.ContainsKey).Select(partition => _workers[partition]).ToList();
        leaving.ForEach(worker => worker.BeginEnd());
        Task.WaitAll(leaving.Select(worker => worker.Ended));
        leaving.ForEach(worker => _workers.Remove(worker.Partition));
        if (areOurs && leaving.Where(worker => worker.Next is not null).Select(worker => new TopicPartitionOffset(worker.Partition, worker.Next!.Value)).ToList() is { Count: > 0 } offsets)
        {
            try
            {
                _consumer.Commit(offsets);
            }
            catch (KafkaException e)
            {
                Report(e.Error.Reason);
            }
        }
    }

    private Lag LagOf(string topic)
    {
        lock (_client)
        {
            ObjectDisposedException.ThrowIf(_isClosed, this);
            try
            {
                using var admin = new DependentAdminClientBuilder(_consumer.Handle).Build();
                var partitions = admin.GetMetadata(topic, OffsetTimeout).Topics.Single().Partitions.ConvertAll(partition => new TopicPartition(topic, partition.PartitionId));
                var (waiting, kept) = (0L, 0L);
                foreach (var committed in _consumer.Committed(partitions, OffsetTimeout))
                {
                    var range = _consumer.QueryWatermarkOffsets(committed.TopicPartition, OffsetTimeout);
                    var next = committed.Offset != Offset.Unset ? committed.Offset.Value : _options.FromOldest ? range.Low.Value : range.High.Value;
                    waiting += range.High - Math.Max(next, range.Low);
                    kept += range.High - range.Low;
                }

                return new(waiting, kept);
            }
            catch (KafkaException e)
            {
                throw new IOException($"kafka: {e.Error.Reason}");
            }
        }
    }

    private void Remove(Subscription subscription)
    {
        lock (_lock)
        {
            if (_topics.GetValueOrDefault(subscription.Topic) == subscription)
            {
                _topics = _topics.Remove(subscription.Topic);
            }
        }
    }

    private void Report(string problem)
    {
        if (Interlocked.Exchange(ref _problem, problem) != problem)
        {
            LogProblem(problem);
        }
    }

    private Message ToMessage(ConsumeResult<string?, byte[]> result)
    {
        var metadata = new Dictionary<string, string>();
        if (result.Message.Key is { } key)
        {
            metadata["__key"] = Escaped(key);
        }

        metadata["__offset"] = result.Offset.Value.ToString(CultureInfo.InvariantCulture);
        metadata["__topic"] = result.Topic;
        metadata["__timestamp"] = result.Message.Timestamp.UnixTimestampMs.ToString(CultureInfo.InvariantCulture);
        metadata["__partition"] = result.Partition.Value.ToString(CultureInfo.InvariantCulture);
        foreach (var header in result.Message.Headers.Where(header => _options.ExcludedHeaders?.IsMatch(header.Key) != true))
        {
            metadata[header.Key] = Escaped(Encoding.UTF8.GetString(header.GetValueBytes() ?? []));
        }

        return new(result.Topic, result.Message.Value ?? "null"u8.ToArray(), metadata);
    }

    private string Escaped(string text) => _options.EscapeHeaders ? WebUtility.UrlEncode(text) : text;

    [LoggerMessage(Level = LogLevel.Warning, Message = "Kafka: {Problem}")]
    private partial void LogProblem(string problem);

    [LoggerMessage(Level = LogLevel.Debug, Message = "{Client}: {Text}")]
    private partial void LogClient(string client, string text);

    /// <summary>One topic of the consumer.</summary>
    internal sealed class Subscription(KafkaConsumer consumer, SubscribeRequest request, MessageHandler handler) : IAsyncDisposable, ILaggingSubscription
    {
        private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public string Topic => request.Topic;

        public int InFlight => request.InFlight;

        public MessageHandler Handler => handler;

        /// <summary>Completes when the group has given us our share, or has not for long.</summary>
        public Task Started => Task.WhenAny(_started.Task, Task.Delay(AssignmentPatience));

        public Task<Lag> Lag(CancellationToken stop) => Task.Run(() => consumer.LagOf(Topic), stop);

        public void SetStarted() => _started.TrySetResult();

        public void SetEnded() => _ended.TrySetResult();

        public async ValueTask DisposeAsync()
        {
            consumer.Remove(this);
            await Task.WhenAny(_ended.Task, consumer._finished.Task);
        }
    }

    /// <summary>Delivers one partition, in order.</summary>
    private sealed class Worker
    {
        private readonly KafkaConsumer _owner;
        private readonly Subscription _subscription;
        private readonly Channel<ConsumeResult<string?, byte[]>> _messages = Channel.CreateUnbounded<ConsumeResult<string?, byte[]>>();
        private readonly CancellationTokenSource _stop = new();

        // The client remembers a pause from before a rebalance; the next look resumes.
        private bool _isPaused = true;
        private volatile bool _isEnding;

        public Worker(KafkaConsumer owner, Subscription subscription, TopicPartition partition)
        {
            (_owner, _subscription, Partition) = (owner, subscription, partition);
            Ended = Task.Run(Work);
        }

        public TopicPartition Partition { get; }

        public Task Ended { get; }

        /// <summary>The offset to go on with; null: nothing was delivered yet.</summary>
        public Offset? Next { get; private set; }

        /// <summary>Whether there is room for more.</summary>
        public bool Add(ConsumeResult<string?, byte[]> message)
        {
            _messages.Writer.TryWrite(message);
            var isFull = _messages.Reader.Count >= _owner._options.Buffer;

            // What still comes after a pause does not end it.
            _isPaused |= isFull;
            return !isFull;
        }

        /// <summary>Whether the partition was paused and has room again.</summary>
        public bool WantsMore()
        {
            if (!_isPaused || _messages.Reader.Count > _owner._options.Buffer / 2)
            {
                return false;
            }

            _isPaused = false;
            return true;
        }

        /// <summary>Takes up no more; what is under way has a moment to end.</summary>
        public void BeginEnd()
        {
            _isEnding = true;
            _messages.Writer.TryComplete();
            _stop.CancelAfter(Grace);
        }

        /// <summary>Never fails: whoever ends workers waits for them all.</summary>
        private async Task Work()
        {
            try
            {
                while (await _messages.Reader.WaitToReadAsync(CancellationToken.None) && !_isEnding)
                {
                    var batch = new List<ConsumeResult<string?, byte[]>>();
                    while (batch.Count < _subscription.InFlight && _messages.Reader.TryRead(out var message))
                    {
                        batch.Add(message);
                    }

                    await Task.WhenAll(batch.Select(Deliver));
                    Next = batch[^1].Offset + 1;
                    Store(Next.Value);
                }
            }
            catch (Exception) when (_stop.IsCancellationRequested)
            {
                // The next owner of the partition begins with what was not delivered.
            }
        }

        private void Store(Offset next)
        {
            try
            {
                _owner._consumer.StoreOffset(new TopicPartitionOffset(Partition, next));
            }
            catch (Exception e) when (e is KafkaException or ObjectDisposedException)
            {
                // The partition has left us meanwhile.
                _owner.Report(Reason(e));
            }
        }

        private async Task Deliver(ConsumeResult<string?, byte[]> result)
        {
            while (true)
            {
                try
                {
                    await _subscription.Handler(_owner.ToMessage(result), _stop.Token);
                    return;
                }
                catch (Exception e) when (!_stop.IsCancellationRequested)
                {
                    // Reported by the handler, unless it was not asked at all.
                    if (e is RegexMatchTimeoutException)
                    {
                        _owner.Report(e.Message);
                    }

                    if (!_owner._options.RetryEnabled)
                    {
                        return;
                    }

                    await Task.Delay(_owner._options.RetryInterval, _stop.Token);
                }
            }
        }
    }
}
