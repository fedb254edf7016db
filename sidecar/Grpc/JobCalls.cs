using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf.WellKnownTypes;
using Lavka.Sidecar.Jobs;
using Lavka.Sidecar.Scheduling;

namespace Lavka.Sidecar.Grpc;

/// <summary>The jobs calls of Dapr's gRPC API (Dapr: reference/api/jobs_api).</summary>
internal sealed class JobCalls(JobManagement jobs)
{
    public void AddTo(GrpcMethods methods)
    {
        methods.Unary<ScheduleJobRequest, ScheduleJobResponse>("jobs", ScheduleJobAlpha1);
        methods.Unary<GetJobRequest, GetJobResponse>("jobs", GetJobAlpha1);
        methods.Unary<DeleteJobRequest, DeleteJobResponse>("jobs", DeleteJobAlpha1);
        methods.Unary<ListJobsRequestAlpha1, ListJobsResponseAlpha1>("jobs", ListJobsAlpha1);
        methods.Unary<DeleteJobsByPrefixRequestAlpha1, DeleteJobsByPrefixResponseAlpha1>("jobs", DeleteJobsByPrefixAlpha1);
    }

    private async Task<ScheduleJobResponse> ScheduleJobAlpha1(ScheduleJobRequest request, GrpcCall call)
    {
        if (request.Job is not { } job)
        {
            throw jobs.Failed(400, "DAPR_SCHEDULER_EMPTY", "Job is empty");
        }

        await jobs.Schedule(new(job.Name)
        {
            Schedule = job.HasSchedule ? job.Schedule : null,
            DueTime = job.HasDueTime ? job.DueTime : null,
            Ttl = job.HasTtl ? job.Ttl : null,
            Repeats = job.HasRepeats ? job.Repeats : null,
            Message = job.Data is { } data ? new(data.TypeUrl, data.Value.ToByteArray()) : null,
            Overwrite = request.Overwrite,
            FailurePolicy = Read(job.FailurePolicy),
        }, call.Stop);
        return new();
    }

    private async Task<GetJobResponse> GetJobAlpha1(GetJobRequest request, GrpcCall call) => new() { Job = ToMessage(await jobs.Get(request.Name, call.Stop)) };

    private async Task<DeleteJobResponse> DeleteJobAlpha1(DeleteJobRequest request, GrpcCall call)
    {
        await jobs.Delete(request.Name, call.Stop);
        return new();
    }

    private async Task<ListJobsResponseAlpha1> ListJobsAlpha1(ListJobsRequestAlpha1 request, GrpcCall call)
    {
        var response = new ListJobsResponseAlpha1();
        response.Jobs.AddRange((await jobs.List(call.Stop)).Select(ToMessage));
        return response;
    }

    private async Task<DeleteJobsByPrefixResponseAlpha1> DeleteJobsByPrefixAlpha1(DeleteJobsByPrefixRequestAlpha1 request, GrpcCall call)
    {
        await jobs.DeleteByPrefix(request.NamePrefix, call.Stop);
        return new();
    }

    private static FailurePolicy? Read(JobFailurePolicy? policy) => policy switch
    {
        { Drop: not null } => FailurePolicy.Drop,
        { Constant: { } constant } => new(constant.Interval?.ToTimeSpan(), constant.HasMaxRetries ? constant.MaxRetries : null),
        _ => null,
    };

    private static JobFailurePolicy ToMessage(FailurePolicy policy)
    {
        if (policy.IsDrop)
        {
            return new() { Drop = new() };
        }

        var constant = new JobFailurePolicyConstant { Interval = policy.Interval is { } interval ? Duration.FromTimeSpan(interval) : null };
        if (policy.MaxRetries is { } retries)
        {
            constant.MaxRetries = retries;
        }

        return new() { Constant = constant };
    }

    private static Job ToMessage(Schedule job)
    {
        var message = new Job { Name = job.Name, Data = JobDelivery.MessageOf(job), FailurePolicy = ToMessage(job.FailurePolicy ?? FailurePolicy.Drop) };
        if (job.Cron is not null)
        {
            message.Schedule = job.Period;
        }

        if (job.DueTime.Length > 0)
        {
            message.DueTime = job.DueTime;
        }

        if (job.Ttl.Length > 0)
        {
            message.Ttl = job.Ttl;
        }

        if (job.Repeats is { } repeats)
        {
            message.Repeats = repeats;
        }

        return message;
    }
}
