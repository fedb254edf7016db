using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Scheduling;

/// <summary>A timer's or reminder's request body (Dapr: reference/api/actors_api).</summary>
internal sealed record ScheduleRequest
{
    public string? DueTime { get; init; }

    public string? Period { get; init; }

    public string? Ttl { get; init; }

    public string? Callback { get; init; }

    public JsonElement Data { get; init; }

    public bool? Overwrite { get; init; }
}

/// <summary>A timer, reminder or job: when it fires next, and how often again. What is kept of a reminder in the actor state store, and of a job in its file.</summary>
internal sealed partial record Schedule
{
    public required string Type { get; init; }

    public required string Id { get; init; }

    public required string Name { get; init; }

    public string DueTime { get; init; } = "";

    public string Period { get; init; } = "";

    public string Ttl { get; init; } = "";

    public string? Callback { get; init; }

    /// <summary>What goes to the receiver; undefined: nothing.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public JsonElement Data { get; init; }

    /// <summary>What goes to a job's receiver where it is no JSON; null: <see cref="Data"/> does.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public JobMessage? Message { get; init; }

    public required DateTimeOffset Next { get; init; }

    public TimeSpan Every { get; init; }

    /// <summary>The cron expression it follows after the first time, instead of <see cref="Every"/>.</summary>
    public string? Cron { get; init; }

    /// <summary>How often a job was to fire; null: no limit.</summary>
    public uint? Repeats { get; init; }

    /// <summary>What a failure does; null: what Dapr does by default.</summary>
    public FailurePolicy? FailurePolicy { get; init; }

    /// <summary>How many more times it fires; null: no limit.</summary>
    public int? Left { get; init; }

    public DateTimeOffset? Expires { get; init; }

    /// <summary>Whether a reminder may have changed in the store since it was read there.</summary>
    [JsonIgnore]
    public bool MayBeOld { get; init; }

    /// <summary>A timer: without a due time it fires at once.</summary>
    /// <exception cref="FormatException">A time does not parse; the message says which.</exception>
    public static Schedule Timer(string type, string id, string name, ScheduleRequest request, DateTimeOffset now)
    {
        var due = now;
        if (!string.IsNullOrEmpty(request.DueTime) && !Durations.TryParseMoment(request.DueTime, now, out due))
        {
            throw new FormatException($"error parsing timer due time: unsupported time/duration format: {request.DueTime}");
        }

        var every = TimeSpan.Zero;
        int? repetitions = null;
        if (!string.IsNullOrEmpty(request.Period) && (!Durations.TryParsePeriod(request.Period, out every, out repetitions) || every < TimeSpan.Zero))
        {
            throw new FormatException($"invalid timer period: parse error: unsupported duration format: {request.Period}");
        }

        if (repetitions == 0)
        {
            throw new FormatException("invalid timer period: has zero repetitions");
        }

        DateTimeOffset? expires = string.IsNullOrEmpty(request.Ttl) ? null
            : Durations.TryParseMoment(request.Ttl, due, out var end) ? end
            : throw new FormatException($"error parsing timer TTL: unsupported time/duration format: {request.Ttl}");
        return expires < due || expires < now
            ? throw new FormatException($"timer {type}||{id}||{name} has already expired: dueTime: {request.DueTime} TTL: {request.Ttl}")
            : Make(type, id, name, request, due, every, repetitions, expires);
    }

    /// <summary>A reminder: without a due time it fires first when its period has passed.</summary>
    /// <exception cref="FormatException">A time does not parse, or they do not go together; the message says which.</exception>
    public static Schedule Reminder(string type, string id, string name, ScheduleRequest request, DateTimeOffset now)
    {
        TimeSpan? every = null;
        int? repetitions = null;
        if (!string.IsNullOrEmpty(request.Period))
        {
            every = Durations.TryParsePeriod(request.Period, out var period, out repetitions) && period >= TimeSpan.Zero && !DateParts().IsMatch(request.Period) ? period
                : throw new FormatException($"unsupported period format: {request.Period}");
        }

        try
        {
            var (next, expires) = JobTimes.Read(every is null ? null : time => time + every, NullIfEmpty(request.DueTime), NullIfEmpty(request.Ttl), null, now);
            return Make(type, id, name, request, next, every ?? TimeSpan.Zero, repetitions == 0 ? null : repetitions, expires);
        }
        catch (FormatException e)
        {
            throw new FormatException($"rpc error: code = Unknown desc = {e.Message}");
        }
    }

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;

    private static Schedule Make(string type, string id, string name, ScheduleRequest request, DateTimeOffset next, TimeSpan every, int? repetitions, DateTimeOffset? expires) => new()
    {
        Type = type,
        Id = id,
        Name = name,
        DueTime = request.DueTime ?? "",
        Period = request.Period ?? "",
        Ttl = request.Ttl ?? "",
        Callback = request.Callback,
        Data = request.Data,
        Next = next,
        Every = every,
        Left = every == TimeSpan.Zero && repetitions is null ? 1 : repetitions,
        Expires = expires,
    };

    [GeneratedRegex(@"^(R\d+/)?P\d+[YMWD]")]
    private static partial Regex DateParts();

    /// <summary>The schedule after it has fired; null when that was the last time.</summary>
    public Schedule? Fired(DateTimeOffset now)
    {
        if (Left == 1 || (Every == TimeSpan.Zero && Cron is null && Left is null))
        {
            return null;
        }

        // Counted from when it was due. Ticks that were missed meanwhile are made up for by one, at once.
        var next = Cron is not null ? CronSchedule.Parse(Cron).Next(Next) : Next + Every;
        if (next < now)
        {
            next = now;
        }

        return next is null || next > Expires ? null : this with { Next = next.Value, Left = Left - 1, MayBeOld = false };
    }
}

/// <summary>What happens when a job's or reminder's receiver fails (Dapr: reference/api/jobs_api).</summary>
/// <param name="Interval">The pause before the next try; null: none.</param>
/// <param name="MaxRetries">How many more tries; null: without end; 0: none.</param>
internal sealed record FailurePolicy(TimeSpan? Interval, uint? MaxRetries)
{
    /// <summary>Dapr's: three more tries, a second apart.</summary>
    public static FailurePolicy Default { get; } = new(TimeSpan.FromSeconds(1), 3);

    /// <summary>No second try.</summary>
    public static FailurePolicy Drop { get; } = new(null, 0);

    /// <summary>Whether there is no second try.</summary>
    [JsonIgnore]
    public bool IsDrop => MaxRetries == 0 && Pause == TimeSpan.Zero;

    /// <summary>How long to wait before the next try.</summary>
    [JsonIgnore]
    public TimeSpan Pause => Interval ?? TimeSpan.Zero;
}

/// <summary>A job's data as it came over gRPC: a <c>google.protobuf.Any</c>.</summary>
/// <param name="TypeUrl">What it is; empty: bytes that only the app knows.</param>
/// <param name="Value">Its bytes.</param>
internal sealed record JobMessage(string TypeUrl, byte[] Value);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(Schedule))]
internal sealed partial class ScheduleJson : JsonSerializerContext;
