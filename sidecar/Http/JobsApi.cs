using System.Text.Json;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Lavka.Sidecar.Jobs;
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
                await jobs.Schedule(await Read(name.Trim(), request), request.Stop);
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

    private async ValueTask<JobRequest> Read(string jobName, ApiRequest request)
    {
        var job = new JobRequest(jobName);
        var isNamed = false;
        await ProtoJson.Read(request, json =>
        [
            new("name", "name", () => isNamed = json.Text("name").Length > 0),
            new("schedule", "schedule", () => job = job with { Schedule = json.Text("schedule") }),
            new("dueTime", "due_time", () => job = job with { DueTime = json.Text("dueTime") }),
            new("ttl", "ttl", () => job = job with { Ttl = json.Text("ttl") }),
            new("repeats", "repeats", () => job = job with { Repeats = json.UInt32("repeats") }),
            new("data", "data", () => job = job with { Data = json.Value() }) { TakesNull = true },
            new("overwrite", "overwrite", () => job = job with { Overwrite = json.Flag("overwrite") }),
            new("failurePolicy", "failure_policy", () => job = job with { FailurePolicy = Policy(json) }),
        ]);
        return isNamed ? throw jobs.Failed(400, "DAPR_SCHEDULER_JOB_NAME", "Set the job name in the url only", isAnyNamespace: true) : job;
    }

    private static FailurePolicy? Policy(ProtoJson json)
    {
        const string oneOf = "dapr.proto.common.v1.JobFailurePolicy.policy";
        FailurePolicy? policy = null;
        json.Message(
            new("drop", "drop", () => policy = Drop(json)) { OneOf = oneOf },
            new("constant", "constant", () => policy = Constant(json)) { OneOf = oneOf });
        return policy;
    }

    private static FailurePolicy Drop(ProtoJson json)
    {
        json.Message();
        return FailurePolicy.Drop;
    }

    private static FailurePolicy Constant(ProtoJson json)
    {
        TimeSpan? interval = null;
        uint? most = null;
        json.Message(
            new("interval", "interval", () => interval = json.Duration()),
            new("maxRetries", "max_retries", () => most = json.UInt32("maxRetries")));
        return new(interval, most);
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
