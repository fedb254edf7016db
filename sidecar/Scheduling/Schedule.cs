using System.Text.Json;
using System.Text.Json.Serialization;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Scheduling;

/// <summary>A timer's or reminder's request body (Dapr: reference/api/actors_api).</summary>
internal sealed record ScheduleRequest
{
    public string? DueTime { get; init; }

    public string? Period { get; init; }

    public string? Ttl { get; init; }

    public string? Callback { get; init; }

    public JsonElement? Data { get; init; }

    public bool? Overwrite { get; init; }
}

/// <summary>A timer, reminder or job: when it fires next, and how often again. What is kept of a reminder in the actor state store, and of a job in its file.</summary>
internal sealed record Schedule
{
    public required string Type { get; init; }

    public required string Id { get; init; }

    public required string Name { get; init; }

    public string DueTime { get; init; } = "";

    public string Period { get; init; } = "";

    public string Ttl { get; init; } = "";

    public string? Callback { get; init; }

    public JsonElement? Data { get; init; }

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

    /// <exception cref="FormatException">A time does not parse; the message says which.</exception>
    public static Schedule From(string type, string id, string name, ScheduleRequest request, DateTimeOffset now)
    {
        var next = now;
        if (!string.IsNullOrEmpty(request.DueTime) && !Durations.TryParseMoment(request.DueTime, now, out next))
        {
            throw new FormatException($"due time format not recognized: {request.DueTime}");
        }

        var every = TimeSpan.Zero;
        int? repetitions = null;
        if (!string.IsNullOrEmpty(request.Period))
        {
            if (!Durations.TryParsePeriod(request.Period, out every, out repetitions) || every < TimeSpan.Zero)
            {
                throw new FormatException($"unsupported period format: {request.Period}");
            }

            if (repetitions == 0)
            {
                throw new FormatException("invalid period: has zero repetitions");
            }
        }

        DateTimeOffset? expires = null;
        if (!string.IsNullOrEmpty(request.Ttl))
        {
            if (!Durations.TryParseMoment(request.Ttl, next, out var end))
            {
                throw new FormatException($"ttl format not recognized: {request.Ttl}");
            }

            if (end <= now)
            {
                throw new FormatException($"{type}||{id}||{name} has already expired: dueTime: {request.DueTime} TTL: {request.Ttl}");
            }

            expires = end;
        }

        return new()
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
            Left = every == TimeSpan.Zero ? 1 : repetitions,
            Expires = expires,
        };
    }

    /// <summary>The schedule after it has fired; null when that was the last time.</summary>
    public Schedule? Fired(DateTimeOffset now)
    {
        if (Left == 1 || (Every == TimeSpan.Zero && Cron is null))
        {
            return null;
        }

        DateTimeOffset? next = Cron is not null ? CronSchedule.Parse(Cron).Next(Next)
            : Next + Every > now ? Next + Every
            : now + Every;
        if (next <= now && Cron is not null)
        {
            // What was missed while nobody looked is not made up for.
            next = CronSchedule.Parse(Cron).Next(now);
        }

        return next is null || next > Expires ? null : this with { Next = next.Value, Left = Left - 1 };
    }
}

/// <summary>What happens when a job's or reminder's receiver fails (Dapr: reference/api/jobs_api).</summary>
/// <param name="Interval">The pause before the next try.</param>
/// <param name="MaxRetries">How many more tries; null: without end; 0: none.</param>
internal sealed record FailurePolicy(TimeSpan Interval, int? MaxRetries)
{
    /// <summary>Dapr's: three more tries, a second apart.</summary>
    public static FailurePolicy Default { get; } = new(TimeSpan.FromSeconds(1), 3);
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(Schedule))]
[JsonSerializable(typeof(ScheduleRequest))]
internal sealed partial class ScheduleJson : JsonSerializerContext;
