using System.Collections.Concurrent;
using System.Text.Json;
using Lavka.Sidecar.Sqlite;

namespace Lavka.Sidecar.PubSub;

/// <summary>
/// <c>pubsub.embedded</c>: a durable log in one SQLite file. A topic has partitions, chosen by the message's <c>partitionKey</c>; a partition keeps its order. Messages stay
/// for the retention time, whoever has read them; each consumer group keeps its own offset in each partition, and a new group starts with the oldest message.
/// Delivery is at least once. The file belongs to one process, whose sidecars share it.
/// </summary>
internal sealed partial class EmbeddedLog : IPubSub
{
    // A message's row id is its partition's number and its offset: one B-tree holds all, in order.
    private const int OffsetBits = 40;
    private const int BatchSize = 64;
    private const int MostDeleted = 1000;
    private static readonly TimeSpan OffsetInterval = TimeSpan.FromMilliseconds(100);

    private readonly SqliteDatabase _database;
    private readonly FileStream _lock;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly EmbeddedLogOptions _options;
    private readonly ConcurrentDictionary<string, Topic> _topics = new();
    private readonly ConcurrentDictionary<(string Topic, string Consumer), ConsumerGroup> _groups = new();
    private readonly ConcurrentDictionary<(string Group, long Partition), long> _offsetsToSave = new();
    private readonly ITimer _saveOffsets;
    private readonly ITimer _deleteOld;

    /// <exception cref="IOException">Another process has the log open.</exception>
    public EmbeddedLog(EmbeddedLogOptions options, TimeProvider time, ILogger logger)
    {
        (_options, _time, _logger) = (options, time, logger);
        Directory.CreateDirectory(Path.GetDirectoryName(options.Path)!);
        try
        {
            _lock = new FileStream(options.Path + ".lock", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException)
        {
            throw new IOException($"the log '{options.Path}' is open in another process; end that, or use another path.");
        }

        _database = new SqliteDatabase(options.Path, """
            CREATE TABLE IF NOT EXISTS topics (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, partitions INTEGER NOT NULL);
            CREATE TABLE IF NOT EXISTS messages (id INTEGER PRIMARY KEY, time INTEGER NOT NULL, metadata TEXT, data BLOB NOT NULL);
            CREATE TABLE IF NOT EXISTS offsets (consumer TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (consumer, partition)) WITHOUT ROWID;
            """, TimeSpan.FromSeconds(5));
        _database.Read(LoadTopics);
        _saveOffsets = time.CreateTimer(_ => _ = SaveOffsets(), null, OffsetInterval, OffsetInterval);
        _deleteOld = time.CreateTimer(_ => _ = DeleteOld(), null, TimeSpan.FromMinutes(1), TimeSpan.FromHours(1));
    }

    public IReadOnlyList<string> Capabilities { get; } = [];

    public async Task Publish(IReadOnlyList<Message> messages, CancellationToken stop)
    {
        var targets = new Partition[messages.Count];
        for (var i = 0; i < targets.Length; i++)
        {
            var topic = await TopicOf(messages[i].Topic);
            targets[i] = topic.PartitionFor(messages[i].Metadata.GetValueOrDefault("partitionKey"));
        }

        var now = _time.GetUtcNow().ToUnixTimeMilliseconds();
        var ids = await _database.Write(db =>
        {
            var taken = new long[targets.Length];
            for (var i = 0; i < targets.Length; i++)
            {
                taken[i] = targets[i].TakeNext();
                var metadata = messages[i].Metadata.Count == 0 ? null : JsonSerializer.Serialize(messages[i].Metadata);
                db.Prepare("INSERT INTO messages (id, time, metadata, data) VALUES (?1, ?2, ?3, ?4)")
                    .Bind(1, taken[i]).Bind(2, now).Bind(3, metadata).Bind(4, messages[i].Data.Span).Run();
            }

            return taken;
        });
        for (var i = 0; i < targets.Length; i++)
        {
            targets[i].Remember(ids[i], messages[i]);
        }

        foreach (var partition in targets.Distinct())
        {
            partition.Wake();
        }
    }

    public ValueTask<IAsyncDisposable> Subscribe(SubscribeRequest request, MessageHandler handler, CancellationToken stop)
    {
        var (topic, consumer) = (request.Topic, request.Consumer);
        while (true)
        {
            var group = _groups.GetOrAdd((topic, consumer), _ => new ConsumerGroup(this, topic, consumer, request.InFlight));
            if (group.Join(handler) is { } member)
            {
                return new(member);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _saveOffsets.DisposeAsync();
        await _deleteOld.DisposeAsync();
        await SaveOffsets();
        await _database.DisposeAsync();
        await _lock.DisposeAsync();
    }

    private async ValueTask<Topic> TopicOf(string name)
    {
        if (_topics.TryGetValue(name, out var topic))
        {
            return topic;
        }

        var (id, partitions) = await _database.Write(db =>
        {
            db.Prepare("INSERT INTO topics (id, name, partitions) VALUES ((SELECT coalesce(max(id) + 1, 0) FROM topics), ?1, ?2) ON CONFLICT (name) DO NOTHING")
                .Bind(1, name).Bind(2, _options.Partitions).Run();
            var row = db.Prepare("SELECT id, partitions FROM topics WHERE name = ?1").Bind(1, name);
            row.Step();
            var found = (row.Int64(0), (int)row.Int64(1));
            row.Reset();
            return found;
        });

        // Not before it is on the disk: what is published to a topic that is not would be lost with the process.
        return _topics.GetOrAdd(name, _ => new Topic(id, partitions));
    }

    private bool LoadTopics(SqliteConnection db)
    {
        var topics = db.Prepare("SELECT id, name, partitions FROM topics");
        while (topics.Step())
        {
            var topic = _topics[topics.Text(1)] = new Topic(topics.Int64(0), (int)topics.Int64(2));
            foreach (var partition in topic.Partitions)
            {
                var last = db.Prepare("SELECT max(id) FROM messages WHERE id BETWEEN ?1 AND ?2").Bind(1, partition.First).Bind(2, partition.Last);
                if (last.Step() && !last.IsNull(0))
                {
                    partition.ContinueAfter(last.Int64(0));
                }

                last.Reset();

                // Retention may have deleted every message; their offsets must not come again.
                var committed = db.Prepare("SELECT max(next) FROM offsets WHERE partition = ?1").Bind(1, partition.Number);
                if (committed.Step() && !committed.IsNull(0))
                {
                    partition.ContinueAfter(committed.Int64(0) - 1);
                }

                committed.Reset();
            }
        }

        topics.Reset();
        return true;
    }

    /// <summary>The next messages: the newest from memory, where all groups find them that keep up.</summary>
    private List<(long Id, Message Message)> Read(string topic, Partition partition, long from) =>
        partition.Newest(from) is { Count: > 0 } newest ? newest : ReadFile(topic, partition, from);

    private List<(long Id, Message Message)> ReadFile(string topic, Partition partition, long from) => _database.Read(db =>
    {
        var batch = new List<(long, Message)>();
        var query = db.Prepare("SELECT id, metadata, data FROM messages WHERE id BETWEEN ?1 AND ?2 ORDER BY id LIMIT ?3")
            .Bind(1, from).Bind(2, partition.Last).Bind(3, BatchSize);
        while (query.Step())
        {
            var metadata = query.TextOrNull(1) is { } text ? JsonSerializer.Deserialize<Dictionary<string, string>>(text)! : Message.NoMetadata;
            batch.Add((query.Int64(0), new Message(topic, query.Bytes(2), metadata)));
        }

        query.Reset();
        return batch;
    });

    // A group that has just ended may have offsets on their way to the disk.
    private long StartOf(string consumer, Partition partition) => _offsetsToSave.TryGetValue((consumer, partition.Number), out var unsaved) ? unsaved : _database.Read(db =>
    {
        var query = db.Prepare("SELECT next FROM offsets WHERE consumer = ?1 AND partition = ?2").Bind(1, consumer).Bind(2, partition.Number);
        long? next = query.Step() ? query.Int64(0) : null;
        query.Reset();
        return next ?? (_options.FromOldest ? partition.First : partition.Next);
    });

    private Lag LagOf(string topic, string consumer)
    {
        var (waiting, kept) = (0L, 0L);
        foreach (var partition in _topics.TryGetValue(topic, out var known) ? known.Partitions : [])
        {
            var oldest = _database.Read(db =>
            {
                var query = db.Prepare("SELECT min(id) FROM messages WHERE id BETWEEN ?1 AND ?2").Bind(1, partition.First).Bind(2, partition.Last);
                long? id = query.Step() && !query.IsNull(0) ? query.Int64(0) : null;
                query.Reset();
                return id ?? partition.Next;
            });
            waiting += partition.Next - Math.Max(oldest, StartOf(consumer, partition));
            kept += partition.Next - oldest;
        }

        return new(waiting, kept);
    }

    // Offsets may be late: after a crash the last moments' messages come again, which at-least-once allows.
    private Task SaveOffsets()
    {
        if (_offsetsToSave.IsEmpty)
        {
            return Task.CompletedTask;
        }

        return _database.Write(db =>
        {
            foreach (var (key, _) in _offsetsToSave)
            {
                if (_offsetsToSave.TryRemove(key, out var next))
                {
                    db.Prepare("INSERT INTO offsets (consumer, partition, next) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET next = ?3")
                        .Bind(1, key.Group).Bind(2, key.Partition).Bind(3, next).Run();
                }
            }
        });
    }

    private async Task DeleteOld()
    {
        var before = (_time.GetUtcNow() - _options.Retention).ToUnixTimeMilliseconds();
        foreach (var partition in _topics.Values.SelectMany(topic => topic.Partitions))
        {
            // A few at a time: publishers do not wait for all of them.
            while (await _database.Write(db => DeleteOld(db, partition, before)) is { } until)
            {
                partition.Forget(until);
            }
        }
    }

    /// <summary>Deletes the oldest messages, not all at once; answers with the first that is left, or null when there was nothing to delete.</summary>
    private static long? DeleteOld(SqliteConnection db, Partition partition, long before)
    {
        // The newest message stays: it tells the next offset.
        db.Prepare("DELETE FROM messages WHERE id IN (SELECT id FROM messages WHERE id >= ?1 AND id < ?2 ORDER BY id LIMIT ?4) AND time < ?3")
            .Bind(1, partition.First).Bind(2, partition.Next - 1).Bind(3, before).Bind(4, MostDeleted).Run();
        if (db.Changes == 0)
        {
            return null;
        }

        var oldest = db.Prepare("SELECT min(id) FROM messages WHERE id >= ?1 AND id < ?2").Bind(1, partition.First).Bind(2, partition.Next);
        var until = oldest.Step() && !oldest.IsNull(0) ? oldest.Int64(0) : partition.Next;
        oldest.Reset();
        return until;
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Topic {Topic} cannot be read, trying again: {Problem}")]
    private partial void LogCannotRead(string topic, string problem);

    /// <summary>One partition of one topic; <see cref="TakeNext"/> is the writer's alone.</summary>
    private sealed class Partition(long number)
    {
        // Larger ones are read from the file.
        private const int LargestRemembered = 2048;

        private readonly (long Id, Message? Message)[] _newest = new (long, Message?)[BatchSize];
        private long _next = number << OffsetBits;
        private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public long Number => number;

        public long First => number << OffsetBits;

        public long Last => ((number + 1) << OffsetBits) - 1;

        public long Next => Volatile.Read(ref _next);

        /// <summary>Completes when messages come after this was asked.</summary>
        public Task Changed => Volatile.Read(ref _changed).Task;

        public long TakeNext() => _next++;

        /// <summary>Keeps a message that is in the file for those who will read it next.</summary>
        public void Remember(long id, Message message)
        {
            if (message.Data.Length > LargestRemembered)
            {
                return;
            }

            lock (_newest)
            {
                ref var place = ref _newest[id % BatchSize];
                place = id > place.Id || place.Message is null ? (id, message) : place;
            }
        }

        /// <summary>Forgets what is before this one: it is deleted.</summary>
        public void Forget(long until)
        {
            lock (_newest)
            {
                foreach (ref var place in _newest.AsSpan())
                {
                    place = place.Id < until ? default : place;
                }
            }
        }

        /// <summary>The remembered messages from this one on, as far as none is missing.</summary>
        public List<(long Id, Message Message)> Newest(long from)
        {
            var found = new List<(long, Message)>();
            lock (_newest)
            {
                for (var id = from; found.Count < BatchSize && _newest[id % BatchSize] is { Message: { } message } place && place.Id == id; id++)
                {
                    found.Add((id, message));
                }
            }

            return found;
        }

        public void ContinueAfter(long id) => _next = Math.Max(_next, id + 1);

        public void Wake() => Interlocked.Exchange(ref _changed, new(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
    }

    private sealed class Topic(long id, int partitions)
    {
        private int _turn;

        public Partition[] Partitions { get; } = [.. Enumerable.Range(0, partitions).Select(i => new Partition((id << 10) + i))];

        public Partition PartitionFor(string? key) =>
            Partitions[key is null ? (uint)Interlocked.Increment(ref _turn) % Partitions.Length : Hash(key) % Partitions.Length];

        // FNV-1a: the same in every process and version, since a key must stay in its partition.
        private static uint Hash(string key)
        {
            var hash = 2166136261u;
            foreach (var c in key)
            {
                hash = (hash ^ c) * 16777619u;
            }

            return hash;
        }
    }

    /// <summary>Reads each partition in order and hands every message to one of its members.</summary>
    private sealed class ConsumerGroup(EmbeddedLog log, string topic, string consumer, int inFlight)
    {
        private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

        private readonly Lock _lock = new();
        private readonly CancellationTokenSource _stop = new();
        private Member[] _members = [];
        private Task _readers = Task.CompletedTask;

        /// <summary>Null when the group has just ended; ask for a new one.</summary>
        public Member? Join(MessageHandler handler)
        {
            lock (_lock)
            {
                if (_stop.IsCancellationRequested)
                {
                    return null;
                }

                var member = new Member(this, handler);
                _members = [.. _members, member];
                if (_members.Length == 1)
                {
                    _readers = Task.Run(ReadTopic);
                }

                return member;
            }
        }

        public Lag Lag() => log.LagOf(topic, consumer);

        public async Task Leave(Member member)
        {
            bool last;
            lock (_lock)
            {
                _members = [.. _members.Where(other => other != member)];
                last = _members.Length == 0;
                if (last)
                {
                    _stop.Cancel();
                    log._groups.TryRemove((topic, consumer), out _);
                }
            }

            if (last)
            {
                await _readers;
            }
        }

        private async Task ReadTopic()
        {
            try
            {
                var partitions = (await Retried(async () => await log.TopicOf(topic))).Partitions;
                await Task.WhenAll(partitions.Select(ReadPartition));
            }
            catch (OperationCanceledException) when (_stop.IsCancellationRequested)
            {
                // The group has ended.
            }
        }

        private async Task ReadPartition(Partition partition)
        {
            var next = await Retried(() => Task.FromResult(log.StartOf(consumer, partition)));
            while (!_stop.IsCancellationRequested)
            {
                var changed = partition.Changed;
                var batch = next < partition.Next ? await Retried(() => Task.FromResult(log.Read(topic, partition, next))) : [];
                if (batch.Count == 0)
                {
                    await changed.WaitAsync(_stop.Token);
                }

                foreach (var chunk in batch.Chunk(inFlight))
                {
                    await Task.WhenAll(chunk.Select(one => Deliver(partition, one.Message)));
                    next = chunk[^1].Id + 1;
                    log._offsetsToSave[(consumer, partition.Number)] = next;
                }
            }
        }

        /// <summary>Tries until the database answers: a group that gave up would be one that nobody misses.</summary>
        private async Task<T> Retried<T>(Func<Task<T>> ask)
        {
            while (true)
            {
                try
                {
                    return await ask();
                }
                catch (SqliteException e)
                {
                    log.LogCannotRead(topic, e.Message);
                    await Task.Delay(LongestPause, log._time, _stop.Token);
                }
            }
        }

        private async Task Deliver(Partition partition, Message message)
        {
            var pause = TimeSpan.FromMilliseconds(100);
            while (true)
            {
                _stop.Token.ThrowIfCancellationRequested();
                var members = _members;
                if (members.Length > 0 && await members[partition.Number % members.Length].TryHandle(message))
                {
                    return;
                }

                await Task.Delay(pause, log._time, _stop.Token);
                pause = pause * 2 < LongestPause ? pause * 2 : LongestPause;
            }
        }

        internal sealed class Member(ConsumerGroup group, MessageHandler handler) : IAsyncDisposable, ILaggingSubscription
        {
            // What the app has taken, its answer still on the way, must not come again because we leave.
            private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

            private readonly CancellationTokenSource _left = new();
            private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);

            // Deliveries under way, and one more until the member leaves.
            private int _running = 1;

            public Task<Lag> Lag(CancellationToken stop) => Task.Run(group.Lag, stop);

            public async Task<bool> TryHandle(Message message)
            {
                Interlocked.Increment(ref _running);
                try
                {
                    await handler(message, _left.Token);
                    return true;
                }
                catch (Exception)
                {
                    // Reported by the handler; the message comes again, here or at another member.
                    return false;
                }
                finally
                {
                    End();
                }
            }

            public async ValueTask DisposeAsync()
            {
                _left.CancelAfter(Grace);
                await group.Leave(this);
                End();
                await _idle.Task;
                _left.Dispose();
            }

            private void End()
            {
                if (Interlocked.Decrement(ref _running) == 0)
                {
                    _idle.TrySetResult();
                }
            }
        }
    }
}
