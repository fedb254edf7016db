using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Xml;
using Lavka.Sidecar.Jobs;
using Lavka.Sidecar.Resources;
using Lavka.Sidecar.Scheduling;

namespace Lavka.Sidecar.Http;

/// <summary><c>/v1.0-alpha1/jobs</c> (Dapr: reference/api/jobs_api).</summary>
internal sealed class JobsApi(JobScheduler jobs, SidecarOptions options)
{
    /// <summary>False when this is no jobs request.</summary>
    public async ValueTask<bool> TryHandle(ApiRequest request)
    {
        if (request.Segments.Length != 3 || request.Method is not ("POST" or "GET" or "DELETE"))
        {
            return false;
        }

        var name = request.Segment(2).Trim();
        if (request.Method == "POST")
        {
            await Add(request, name);
            request.Nothing();
        }
        else if (request.Method == "GET")
        {
            await request.Answer(await jobs.Get(name, request.Stop) is { } job
                ? ToJson(job)
                : throw Failed(500, "DAPR_SCHEDULER_GET_JOB", $"failed to get job due to: rpc error: code = NotFound desc = job not found: {name}"));
        }
        else
        {
            await jobs.Remove(name, request.Stop);
            request.Nothing();
        }

        return true;
    }

    private async Task Add(ApiRequest request, string name)
    {
        using var body = await request.JsonOrEmpty();
        var job = Read(body.RootElement);
        if (name.Length == 0)
        {
            throw Failed(400, "DAPR_SCHEDULER_JOB_NAME_EMPTY", "Name is empty");
        }

        if (job.Schedule.Length == 0 && job.DueTime.Length == 0)
        {
            throw Failed(400, "DAPR_SCHEDULER_SCHEDULE_EMPTY", "Schedule is empty");
        }

        if (name.Any(c => c is '/' or '\\' or '#' or '?' || char.IsControl(c)) || name.Length > 500)
        {
            throw Failed(500, "DAPR_SCHEDULER_SCHEDULE_JOB", $"failed to schedule job due to: the name '{name}' is too long or contains a forbidden character");
        }

        try
        {
            await jobs.Add(name, job, request.Stop);
        }
        catch (JobException e)
        {
            throw Failed(e.Exists ? 409 : 500, "DAPR_SCHEDULER_SCHEDULE_JOB", $"failed to schedule job due to: rpc error: code = {(e.Exists ? "AlreadyExists" : "Unknown")} desc = {e.Message}");
        }
    }

    private JobRequest Read(JsonElement body)
    {
        if (body.ValueKind != JsonValueKind.Object)
        {
            throw ApiException.Malformed("failed deserializing HTTP body: it is not an object");
        }

        if (body.TryGetProperty("name", out _))
        {
            throw Failed(400, "DAPR_SCHEDULER_JOB_NAME", "Set the job name in the url only");
        }

        uint? repeats = null;
        if (Find(body, "repeats") is { } given)
        {
            repeats = uint.TryParse(given.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
                : throw ApiException.Malformed($"failed deserializing HTTP body: invalid value for uint32 field repeats: {given}");
        }

        var overwrite = Find(body, "overwrite") is { } flag && flag.ValueKind switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => throw ApiException.Malformed($"failed deserializing HTTP body: invalid value for bool field overwrite: {flag}"),
        };
        return new(Text("schedule"), Text("dueTime", "due_time"), Text("ttl"), repeats == 0 ? null : repeats,
            body.TryGetProperty("data", out var data) ? data.Clone() : default, overwrite, Find(body, "failurePolicy", "failure_policy") is { } policy ? Policy(policy) : null);

        string Text(params string[] names) => Find(body, names) is not { } value ? ""
            : value.ValueKind == JsonValueKind.String ? value.GetString()!
            : throw ApiException.Malformed($"failed deserializing HTTP body: invalid value for string field {names[0]}: {value}");
    }

    /// <summary>A member under one of its names; null is as good as none.</summary>
    private static JsonElement? Find(JsonElement json, params string[] names)
    {
        foreach (var name in names)
        {
            if (json.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null)
            {
                return value;
            }
        }

        return null;
    }

    private static FailurePolicy Policy(JsonElement policy)
    {
        if (policy.ValueKind == JsonValueKind.Object && policy.EnumerateObject().Count() == 1)
        {
            var only = policy.EnumerateObject().First();
            if (only.Name == "drop")
            {
                return new(TimeSpan.Zero, 0);
            }

            if (only.Name == "constant" && only.Value.ValueKind == JsonValueKind.Object)
            {
                var interval = TimeSpan.Zero;
                if (Find(only.Value, "interval") is { } text && (!Durations.TryParseGo(text.ToString(), out interval) || interval < TimeSpan.Zero))
                {
                    throw ApiException.Malformed($"failed deserializing HTTP body: invalid google.protobuf.Duration value {text}");
                }

                return new(interval, Find(only.Value, "maxRetries", "max_retries") is not { } most ? null
                    : int.TryParse(most.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
                    : throw ApiException.Malformed($"failed deserializing HTTP body: invalid value for uint32 field maxRetries: {most}"));
            }
        }

        throw ApiException.Malformed("failed deserializing HTTP body: a failurePolicy is either drop or constant");
    }

    private static JsonObject ToJson(Schedule job)
    {
        var json = new JsonObject { ["name"] = job.Name };
        foreach (var (name, value) in new[] { ("schedule", job.Period), ("dueTime", job.DueTime), ("ttl", job.Ttl) }.Where(pair => pair.Item2.Length > 0))
        {
            json[name] = value;
        }

        if (job.Repeats is { } repeats)
        {
            json["repeats"] = repeats;
        }

        if (job.Data.ValueKind != JsonValueKind.Undefined)
        {
            json["data"] = new JsonObject { ["@type"] = "type.googleapis.com/google.protobuf.Value", ["value"] = JsonNode.Parse(job.Data.GetRawText()) };
        }

        json["failurePolicy"] = job.FailurePolicy switch
        {
            null or { MaxRetries: 0 } => new JsonObject { ["drop"] = new JsonObject() },
            { MaxRetries: null } endless => new JsonObject { ["constant"] = new JsonObject { ["interval"] = Seconds(endless.Interval) } },
            var limited => new JsonObject { ["constant"] = new JsonObject { ["interval"] = Seconds(limited.Interval), ["maxRetries"] = limited.MaxRetries } },
        };
        return json;
    }

    private static string Seconds(TimeSpan interval) => XmlConvert.ToString(interval.TotalSeconds) + "s";

    private ApiException Failed(int status, string reason, string message) => ApiException.Detailed(status, reason, message, reason,
        new() { ["appID"] = options.AppId, ["namespace"] = string.IsNullOrEmpty(options.Namespace) ? "default" : options.Namespace });
}
