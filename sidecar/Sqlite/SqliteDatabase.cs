using System.Collections.Concurrent;

namespace Lavka.Sidecar.Sqlite;

/// <summary>
/// A database file with one writer and many readers. Writes that arrive while another is on its way to the disk share the next
/// commit (group commit), so that a hundred concurrent writers cost a few fsyncs and not a hundred. A write is durable when its
/// task completes.
/// </summary>
internal sealed class SqliteDatabase : IAsyncDisposable
{
    private const int LargestBatch = 512;

    // In KiB. There are as many readers as ever read at once, and each write makes what they keep worthless.
    private const int WriterCache = 4000;
    private const int ReaderCache = 256;

    private readonly string _path;
    private readonly TimeSpan _busyTimeout;
    private readonly SqliteConnection _writer;
    private readonly ConcurrentBag<SqliteConnection> _readers = [];
    private readonly BlockingCollection<Job> _jobs = [];
    private readonly Thread _thread;
    private readonly TaskCompletionSource _stopped = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Opens the file, makes its folder if needed, and applies the schema.</summary>
    /// <exception cref="SqliteException">The file cannot be opened or is no database.</exception>
    public SqliteDatabase(string path, string schema, TimeSpan busyTimeout)
    {
        _path = Path.GetFullPath(path);
        _busyTimeout = busyTimeout;
        Directory.CreateDirectory(Path.GetDirectoryName(_path)!);
        _writer = Open(WriterCache);
        _writer.Execute(schema);
        _thread = new Thread(Write) { IsBackground = true, Name = $"sqlite {Path.GetFileName(path)}" };
        _thread.Start();
    }

    /// <summary>
    /// Runs the work inside a transaction and completes once that is on the disk. If the work throws, only its own changes are undone.
    /// </summary>
    public Task<T> Write<T>(Func<SqliteConnection, T> work)
    {
        var job = new Job<T>(work);
        try
        {
            _jobs.Add(job);
        }
        catch (InvalidOperationException)
        {
            throw new ObjectDisposedException(_path);
        }

        return job.Task;
    }

    public Task Write(Action<SqliteConnection> work) => Write(db =>
    {
        work(db);
        return true;
    });

    /// <summary>Reads what is committed, on the calling thread.</summary>
    public T Read<T>(Func<SqliteConnection, T> work)
    {
        if (!_readers.TryTake(out var reader))
        {
            reader = Open(ReaderCache);
        }

        try
        {
            return work(reader);
        }
        finally
        {
            _readers.Add(reader);
        }
    }

    /// <summary>Reads several things of one moment, and takes the file's lock once for all.</summary>
    public T ReadTogether<T>(Func<SqliteConnection, T> work) => Read(db =>
    {
        db.Prepare("BEGIN").Run();
        try
        {
            return work(db);
        }
        finally
        {
            db.Prepare("COMMIT").Run();
        }
    });

    /// <summary>Writes what is queued, then closes the file.</summary>
    public async ValueTask DisposeAsync()
    {
        _jobs.CompleteAdding();
        await _stopped.Task;
        while (_readers.TryTake(out var reader))
        {
            reader.Dispose();
        }

        _writer.Dispose();
        _jobs.Dispose();
    }

    private SqliteConnection Open(int cache)
    {
        var connection = new SqliteConnection(_path, _busyTimeout);
        connection.Execute($"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA temp_store=MEMORY; PRAGMA cache_size=-{cache}");
        return connection;
    }

    private void Write()
    {
        var batch = new List<Job>();
        foreach (var first in _jobs.GetConsumingEnumerable())
        {
            batch.Add(first);
            while (batch.Count < LargestBatch && _jobs.TryTake(out var next))
            {
                batch.Add(next);
            }

            Commit(batch);
            batch.Clear();
        }

        _stopped.SetResult();
    }

    private void Commit(List<Job> batch)
    {
        try
        {
            _writer.Prepare("BEGIN IMMEDIATE").Run();
            foreach (var job in batch)
            {
                _writer.Prepare("SAVEPOINT job").Run();
                if (!job.Run(_writer))
                {
                    _writer.Prepare("ROLLBACK TO job").Run();
                }

                _writer.Prepare("RELEASE job").Run();
            }

            _writer.Prepare("COMMIT").Run();
        }
        catch (SqliteException e)
        {
            // The disk is full, the file is locked by another process: nothing of this batch was saved.
            TryRollback();
            batch.ForEach(job => job.Fail(e));
            return;
        }

        batch.ForEach(job => job.Complete());
    }

    private void TryRollback()
    {
        try
        {
            _writer.Execute("ROLLBACK");
        }
        catch (SqliteException)
        {
            // SQLite has rolled back by itself, or BEGIN was what failed.
        }
    }

    private abstract class Job
    {
        public abstract bool Run(SqliteConnection db);

        public abstract void Complete();

        public abstract void Fail(Exception error);
    }

    private sealed class Job<T>(Func<SqliteConnection, T> work) : Job
    {
        private readonly TaskCompletionSource<T> _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private Exception? _error;
        private T? _result;

        public Task<T> Task => _done.Task;

        public override bool Run(SqliteConnection db)
        {
            try
            {
                _result = work(db);
                return true;
            }
            catch (Exception e)
            {
                _error = e;
                return false;
            }
        }

        public override void Complete()
        {
            if (_error is null)
            {
                _done.SetResult(_result!);
            }
            else
            {
                _done.SetException(_error);
            }
        }

        public override void Fail(Exception error) => _done.SetException(error);
    }
}
