using System.Collections.Immutable;
using System.Text.Json;
using Lavka.Sidecar.Go;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.Scheduling;
using Lavka.Sidecar.Sqlite;

namespace Lavka.Sidecar.Jobs;

/// <summary>
/// The app's jobs (Dapr: developing-applications/building-blocks/jobs): kept in one file in the data folder, made with the first job, so that they outlive the
/// sidecar; brought to the app while it is there. A tick that was missed fires once when the app is back. Instances of an app share one of these:
/// a job fires at the first of them that is healthy.
/// </summary>
internal sealed partial class JobScheduler : IAsyncDisposable
{
    private readonly SidecarOptions _options;
    private readonly ILogger _log;
    private readonly string _path;
    private readonly Scheduler _scheduler;
    private readonly SemaphoreSlim _opening = new(1);
    private readonly SemaphoreSlim _following = new(1);
    private SqliteDatabase? _database;
    private volatile ImmutableList<(AppChannel App, Telemetry Telemetry)> _instances = [];

    private JobScheduler(string path, SidecarOptions options)
    {
        (_path, _options) = (path, options);
        _log = options.Logs.CreateLogger<JobScheduler>();
        _scheduler = new(options.Time, Fire, (job, e) => LogFailed(job.Name, e.Message));
    }

    /// <summary>The one of the sidecar's app. The mesh closes it with the app's last sidecar.</summary>
    public static JobScheduler Of(Sidecar sidecar, SidecarOptions options)
    {
        var path = Path.GetFullPath($"dapr-jobs-{options.AppId}.db", Path.GetFullPath(options.DataPath));
        return sidecar.Mesh.Share(sidecar, $"jobs {path}", () => new JobScheduler(path, options));
    }

    /// <summary>An instance of the app is there: jobs may fire.</summary>
    public Task Start(AppChannel app, Telemetry telemetry, CancellationToken stop) => Follow(async () =>
    {
        if (_instances.Exists(instance => instance.App == app))
        {
            return;
        }

        _instances = _instances.Add((app, telemetry));
        if (_instances.Count == 1 && HasFile)
        {
            foreach (var job in (await Database(stop)).Read(All))
            {
                _scheduler.Add(job);
            }
        }
    }, stop);

    /// <summary>An instance of the app is away: when none is left, jobs wait.</summary>
    public Task Stop(AppChannel? app, CancellationToken stop) => Follow(async () =>
    {
        var left = _instances.RemoveAll(instance => instance.App == app);
        if (left.Count == _instances.Count)
        {
            return;
        }

        _instances = left;
        if (left.IsEmpty && HasFile)
        {
            (await Database(stop)).Read(All).ForEach(job => _scheduler.Remove(job.Type, job.Id, job.Name));
        }
    }, stop);

    /// <summary>Completes when the job is on the disk.</summary>
    /// <exception cref="JobException">There is one of that name, or a time does not read.</exception>
    public async Task Add(JobRequest request, CancellationToken stop)
    {
        var name = request.Name;
        var job = Make(request, _options.Time.GetUtcNow());
        if (request.Overwrite)
        {
            _scheduler.Remove(job.Type, job.Id, name);
        }

        await (await Database(stop)).Write(db =>
        {
            if (!request.Overwrite && Find(db, name) is not null)
            {
                throw new JobException($"job already exists: '{KeyOf(name)}'", exists: true);
            }

            Save(db, job);
        });
        if (!_instances.IsEmpty)
        {
            _scheduler.Add(job);
        }
    }

    /// <summary>Null: there is none.</summary>
    public async Task<Schedule?> Get(string name, CancellationToken stop) => HasFile ? (await Database(stop)).Read(db => Find(db, name)) : null;

    /// <summary>All there are.</summary>
    public async Task<IReadOnlyList<Schedule>> List(CancellationToken stop) => HasFile ? (await Database(stop)).Read(All) : [];

    public async Task Remove(string name, CancellationToken stop)
    {
        if (HasFile)
        {
            // First from the clock: what fires now does not write it anew.
            _scheduler.Remove("job", _options.AppId, name);
            await (await Database(stop)).Write(db => db.Prepare("DELETE FROM jobs WHERE name = ?1").Bind(1, name).Run());
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _scheduler.DisposeAsync();
        if (_database is not null)
        {
            await _database.DisposeAsync();
        }

        _opening.Dispose();
        _following.Dispose();
    }

    /// <summary>Instances come and go one after the other.</summary>
    private async Task Follow(Func<Task> what, CancellationToken stop)
    {
        await _following.WaitAsync(stop);
        try
        {
            await what();
        }
        finally
        {
            _following.Release();
        }
    }

    private bool HasFile => _database is not null || File.Exists(_path);

    private static List<Schedule> All(SqliteConnection db)
    {
        var jobs = new List<Schedule>();
        var query = db.Prepare("SELECT job FROM jobs");
        while (query.Step())
        {
            jobs.Add(JsonSerializer.Deserialize(query.Text(0), ScheduleJson.Default.Schedule)!);
        }

        query.Reset();
        return jobs;
    }

    private static Schedule? Find(SqliteConnection db, string name)
    {
        var query = db.Prepare("SELECT job FROM jobs WHERE name = ?1").Bind(1, name);
        var job = query.Step() ? JsonSerializer.Deserialize(query.Text(0), ScheduleJson.Default.Schedule) : null;
        query.Reset();
        return job;
    }

    private static void Save(SqliteConnection db, Schedule job) =>
        db.Prepare("INSERT INTO jobs (name, job) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET job = ?2")
            .Bind(1, job.Name).Bind(2, JsonSerializer.Serialize(job, ScheduleJson.Default.Schedule)).Run();

    /// <exception cref="JobException">A job cannot have this name.</exception>
    public void CheckName(string name)
    {
        if (name.AsSpan().ContainsAny("/\\#?") || name.Any(char.IsControl))
        {
            throw new JobException($"job name contains forbidden character: {GoText.Quote(KeyOf(name))}");
        }
    }

    private string KeyOf(string name) =>
        $"app||{(string.IsNullOrEmpty(_options.Namespace) ? "default" : _options.Namespace)}||{_options.AppId}||{name}";

    private Schedule Make(JobRequest request, DateTimeOffset now)
    {
        CheckName(request.Name);
        try
        {
            var cron = request.Schedule is { } schedule ? Cron(schedule) : null;
            var (next, expires) = JobTimes.Read(cron is null ? null : cron.Next, request.DueTime, request.Ttl, request.Repeats, now);
            return new()
            {
                Type = "job",
                Id = _options.AppId,
                Name = request.Name,
                Period = request.Schedule ?? "",
                DueTime = request.DueTime ?? "",
                Ttl = request.Ttl ?? "",
                Repeats = request.Repeats,
                Data = request.Data,
                Message = request.Message,
                FailurePolicy = request.FailurePolicy ?? FailurePolicy.Default,
                Next = next,
                Cron = request.Schedule,
                Left = cron is null ? 1 : (int?)request.Repeats,
                Expires = expires,
            };
        }
        catch (FormatException e)
        {
            throw new JobException(e.Message);
        }
    }

    private static CronSchedule Cron(string schedule)
    {
        try
        {
            return CronSchedule.Parse(schedule);
        }
        catch (FormatException e)
        {
            throw JobTimes.Invalid(e.Message);
        }
    }

    private async Task<SqliteDatabase> Database(CancellationToken stop)
    {
        await _opening.WaitAsync(stop);
        try
        {
            return _database ??= new SqliteDatabase(_path, "CREATE TABLE IF NOT EXISTS jobs (name TEXT NOT NULL PRIMARY KEY, job TEXT NOT NULL) WITHOUT ROWID", TimeSpan.FromSeconds(5));
        }
        finally
        {
            _opening.Release();
        }
    }

    private async Task<Schedule?> Fire(Schedule job, CancellationToken stop)
    {
        var policy = job.FailurePolicy ?? FailurePolicy.Default;
        if (!_instances.Exists(instance => instance.App.IsHealthy))
        {
            // No attempt: it waits for the app.
            return job with { Next = _options.Time.GetUtcNow() + FailurePolicy.Default.Pause };
        }

        for (var retry = 0; !IsOver(job) && !await Bring(job, stop) && (policy.MaxRetries is null || retry < policy.MaxRetries); retry++)
        {
            await _options.Time.WaitUntil(_options.Time.GetUtcNow() + policy.Pause, stop);
            if (!_scheduler.Holds(job))
            {
                return null;
            }
        }

        var next = job.Fired(_options.Time.GetUtcNow());
        await _database!.Write(db =>
        {
            // Removed or replaced meanwhile: what is on the disk is that.
            if (!_scheduler.Holds(job))
            {
                return;
            }

            if (next is null)
            {
                db.Prepare("DELETE FROM jobs WHERE name = ?1").Bind(1, job.Name).Run();
            }
            else
            {
                Save(db, next);
            }
        });
        return next;
    }

    private static bool IsOver(Schedule job) => job.Expires < job.Next;

    private async Task<bool> Bring(Schedule job, CancellationToken stop)
    {
        // Looked for at each try: an instance may have gone meanwhile.
        if (_instances.Find(instance => instance.App.IsHealthy) is not ({ } app, { } telemetry))
        {
            return false;
        }

        try
        {
            var problem = await JobDelivery.Bring(job, app, stop);
            telemetry.Metrics?.JobFired(problem is null);
            if (problem is { } failed)
            {
                LogFailed(job.Name, failed.Message);
            }

            return problem is not { MayPass: true };
        }
        catch (Exception e) when (e is HttpRequestException or ObjectDisposedException || (e is OperationCanceledException && !stop.IsCancellationRequested))
        {
            LogFailed(job.Name, e.Message);
            return false;
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "Job '{Name}' failed: {Problem}")]
    private partial void LogFailed(string name, string problem);
}
