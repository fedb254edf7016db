using System.Text.Json;
using System.Text.Json.Serialization;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Actors;

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

/// <summary>A timer or reminder: when it fires next, and how often again. What is kept of a reminder in the actor state store.</summary>
internal sealed record Schedule
{
    public required string Type { get; init; }

    public required string Id { get; init; }

    public required string Name { get; init; }

    public string DueTime { get; init; } = "";

    public string Period { get; init; } = "";

    public string? Callback { get; init; }

    public JsonElement? Data { get; init; }

    public required DateTimeOffset Next { get; init; }

    public TimeSpan Every { get; init; }

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
        if (Left == 1 || Every == TimeSpan.Zero)
        {
            return null;
        }

        var next = Next + Every > now ? Next + Every : now + Every;
        return next >= Expires ? null : this with { Next = next, Left = Left - 1 };
    }
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(Schedule))]
[JsonSerializable(typeof(ScheduleRequest))]
internal sealed partial class ActorJson : JsonSerializerContext;
