using System.Text.Json;
using Lavka.Sidecar.Scheduling;

namespace Lavka.Sidecar.Jobs;

/// <summary>A job to keep (Dapr: reference/api/jobs_api).</summary>
/// <param name="Name">Its name, one of the app's.</param>
internal sealed record JobRequest(string Name)
{
    /// <summary>The cron expression it follows; null: it fires once.</summary>
    public string? Schedule { get; init; }

    /// <summary>When it fires first; null: as the schedule says.</summary>
    public string? DueTime { get; init; }

    /// <summary>When it ends; null: never.</summary>
    public string? Ttl { get; init; }

    /// <summary>How often it fires; null: no limit.</summary>
    public uint? Repeats { get; init; }

    /// <summary>What goes to the app; undefined: nothing, or <see cref="Message"/>.</summary>
    public JsonElement Data { get; init; }

    /// <summary>What goes to the app where it is no JSON; null: <see cref="Data"/> does.</summary>
    public JobMessage? Message { get; init; }

    /// <summary>Whether it takes the place of another of that name.</summary>
    public bool Overwrite { get; init; }

    /// <summary>What a failure does; null: what Dapr does by default.</summary>
    public FailurePolicy? FailurePolicy { get; init; }
}

/// <summary>A job cannot be kept as it is asked for.</summary>
internal sealed class JobException(string message, bool exists = false) : Exception(message)
{
    /// <summary>Whether the reason is another job of that name.</summary>
    public bool Exists { get; } = exists;
}
