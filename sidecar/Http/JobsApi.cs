using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Lavka.Sidecar.Jobs;
using Lavka.Sidecar.Resources;
using Lavka.Sidecar.Scheduling;

namespace Lavka.Sidecar.Http;

/// <summary><c>/v1.0-alpha1/jobs</c> (Dapr: reference/api/jobs_api).</summary>
internal sealed class JobsApi(JobManagement jobs)
{
    private static readonly JsonFormatter Formatter = new(JsonFormatter.Settings.Default.WithTypeRegistry(TypeRegistry.FromFiles(
        AnyReflection.Descriptor, DurationReflection.Descriptor, EmptyReflection.Descriptor, StructReflection.Descriptor, TimestampReflection.Descriptor, WrappersReflection.Descriptor)));

    /// <summary>False when this is no jobs request.</summary>
    public async ValueTask<bool> TryHandle(ApiRequest request)
    {
        if (request.Segments.Length != 3)
        {
            return false;
        }

        var name = request.Segment(2);
        switch (request.Method)
        {
            case "POST":
                using (var body = await request.JsonOrEmpty())
                {
                    await jobs.Schedule(Read(name.Trim(), body.RootElement), request.Stop);
                }

                request.Nothing();
                return true;
            case "GET":
                await request.Answer(ToJson(await jobs.Get(name, request.Stop)));
                return true;
            case "DELETE":
                await jobs.Delete(name, request.Stop);
                request.Nothing();
                return true;
            default:
                return false;
        }
    }

    private JobRequest Read(string jobName, JsonElement body)
    {
        if (body.ValueKind != JsonValueKind.Object)
        {
            throw ApiException.Malformed("failed deserializing HTTP body: it is not an object");
        }

        if (body.TryGetProperty("name", out _))
        {
            throw jobs.Failed(400, "DAPR_SCHEDULER_JOB_NAME", "Set the job name in the url only");
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
        return new(jobName)
        {
            Schedule = Text("schedule"),
            DueTime = Text("dueTime", "due_time"),
            Ttl = Text("ttl"),
            Repeats = repeats,
            Data = body.TryGetProperty("data", out var data) ? data.Clone() : default,
            Overwrite = overwrite,
            FailurePolicy = Find(body, "failurePolicy", "failure_policy") is { } policy ? Policy(policy) : null,
        };

        string? Text(params string[] names) => Find(body, names) is not { } value ? null
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
                return FailurePolicy.Drop;
            }

            if (only.Name == "constant" && only.Value.ValueKind == JsonValueKind.Object)
            {
                TimeSpan? interval = Find(only.Value, "interval") is not { } text ? null
                    : Durations.TryParseGo(text.ToString(), out var pause) && pause >= TimeSpan.Zero ? pause
                    : throw ApiException.Malformed($"failed deserializing HTTP body: invalid google.protobuf.Duration value {text}");
                return new(interval, Find(only.Value, "maxRetries", "max_retries") is not { } most ? null
                    : uint.TryParse(most.ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number
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

        if (Data(job) is { } data)
        {
            json["data"] = data;
        }

        var policy = job.FailurePolicy ?? FailurePolicy.Drop;
        json["failurePolicy"] = policy.IsDrop ? new() { ["drop"] = new JsonObject() } : new JsonObject { ["constant"] = Constant(policy) };
        return json;
    }

    private static JsonObject Constant(FailurePolicy policy)
    {
        var json = new JsonObject();
        if (policy.Interval is { } interval)
        {
            json["interval"] = JsonNode.Parse(Formatter.Format(Duration.FromTimeSpan(interval)));
        }

        if (policy.MaxRetries is { } retries)
        {
            json["maxRetries"] = retries;
        }

        return json;
    }

    private static JsonNode? Data(Schedule job)
    {
        if (job.Message is null)
        {
            return job.Data.ValueKind == JsonValueKind.Undefined ? null
                : new JsonObject { ["@type"] = "type.googleapis.com/google.protobuf.Value", ["value"] = JsonNode.Parse(job.Data.GetRawText()) };
        }

        if (job.Message.TypeUrl.Length == 0)
        {
            throw NoJson("type_url is not set");
        }

        try
        {
            return JsonNode.Parse(Formatter.Format(JobDelivery.MessageOf(job)));
        }
        catch (Exception e) when (e is InvalidOperationException or InvalidProtocolBufferException)
        {
            throw NoJson($"unable to resolve \"{job.Message.TypeUrl}\": not found");
        }

        static ApiException NoJson(string problem) => new(500, "ERR_INTERNAL", $"failed to encode response as JSON: proto: google.protobuf.Any: {problem}");
    }
}
