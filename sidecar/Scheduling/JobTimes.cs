using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Scheduling;

/// <summary>When a job or a reminder is due, as Dapr's scheduler reads it (Dapr: reference/api/jobs_api).</summary>
internal static class JobTimes
{
    /// <param name="following">The schedule: the first time after another, or null for never. Null: there is no schedule.</param>
    /// <param name="dueTime">When it fires first, or null.</param>
    /// <param name="ttl">When it ends, counted from when it is due; or null.</param>
    /// <param name="repeats">How often it fires; null: no limit.</param>
    /// <param name="now">The time.</param>
    /// <exception cref="FormatException">A time does not read, or they do not go together; the message says which.</exception>
    public static (DateTimeOffset Next, DateTimeOffset? Expires) Read(Func<DateTimeOffset, DateTimeOffset?>? following, string? dueTime, string? ttl, uint? repeats, DateTimeOffset now)
    {
        if (following is null && dueTime is null)
        {
            throw Invalid("job must have either a due time or a schedule");
        }

        if (repeats == 0)
        {
            throw Invalid("defined repeats must be greater than 0");
        }

        if (following is null && repeats > 1)
        {
            throw Invalid("job must have a schedule to repeat");
        }

        if (following is null && ttl is not null)
        {
            throw Invalid("job must have a schedule to have a ttl");
        }

        var due = now;
        if (dueTime is not null && !Durations.TryParseMoment(dueTime, now, out due))
        {
            throw Invalid("due time format not recognized");
        }

        DateTimeOffset? expires = ttl is null ? null : Durations.TryParseMoment(ttl, due, out var end) ? end : throw Invalid("ttl format not recognized");
        if (expires <= due)
        {
            throw Invalid("ttl must be greater than due time");
        }

        return (dueTime is not null ? due : following!(now) ?? throw Invalid("the schedule is never due"), expires);
    }

    /// <summary>The scheduler does not take the job.</summary>
    public static FormatException Invalid(string problem) => new($"job failed validation: {problem}");
}
