using System.Text.Json.Nodes;
using Grpc.Core;
using Lavka.Sidecar.Scheduling;

namespace Lavka.Sidecar.Jobs;

/// <summary>Dapr's jobs, whoever asks for them (Dapr: reference/api/jobs_api). What it cannot do is an <see cref="ApiException"/>.</summary>
internal sealed class JobManagement(JobScheduler jobs, SidecarOptions options)
{
    /// <summary>Completes when the job is kept.</summary>
    public async Task Schedule(JobRequest job, CancellationToken cancellationToken)
    {
        CheckName(job.Name);
        if (job.Schedule is null && job.DueTime is null)
        {
            throw Failed(400, "DAPR_SCHEDULER_SCHEDULE_EMPTY", "Schedule is empty");
        }

        try
        {
            CheckScheduler("SCHEDULE_JOB", "schedule job");
            await jobs.Add(job, cancellationToken);
        }
        catch (JobException e)
        {
            var message = $"failed to schedule job due to: rpc error: code = {(e.Exists ? "AlreadyExists" : "Unknown")} desc = {e.Message}";
            throw e.Exists
                ? Failed(409, "DAPR_SCHEDULER_SCHEDULE_JOB", message, StatusCode.AlreadyExists)
                : Failed(500, "DAPR_SCHEDULER_SCHEDULE_JOB", message);
        }
    }

    /// <summary>A job by its name.</summary>
    public async Task<Schedule> Get(string name, CancellationToken cancellationToken)
    {
        Check(name, "GET_JOB", "get job");
        return await jobs.Get(name, cancellationToken)
            ?? throw Failed(500, "DAPR_SCHEDULER_GET_JOB", $"failed to get job due to: rpc error: code = NotFound desc = job not found: {name}");
    }

    /// <summary>All jobs of the app.</summary>
    public async Task<IReadOnlyList<Schedule>> List(CancellationToken cancellationToken)
    {
        CheckScheduler("LIST_JOBS", "list jobs");
        return await jobs.List(cancellationToken);
    }

    /// <summary>Deletes a job; one that is not there is as good as deleted.</summary>
    public async Task Delete(string name, CancellationToken cancellationToken)
    {
        Check(name, "DELETE_JOB", "delete job");
        await jobs.Remove(name, cancellationToken);
    }

    /// <summary>Deletes the jobs whose names begin so.</summary>
    public async Task DeleteByPrefix(string prefix, CancellationToken cancellationToken)
    {
        CheckScheduler("DELETE_JOB", "delete job");
        foreach (var job in await jobs.List(cancellationToken))
        {
            if (job.Name.StartsWith(prefix, StringComparison.Ordinal))
            {
                await jobs.Remove(job.Name, cancellationToken);
            }
        }
    }

    /// <summary>An error that tells whose jobs these are.</summary>
    /// <param name="isAnyNamespace">Whether it is the same in all namespaces: then it does not name the app's.</param>
    public ApiException Failed(int status, string reason, string message, StatusCode? code = null, bool isAnyNamespace = false)
    {
        var about = new JsonObject { ["appID"] = options.AppId };
        if (!isAnyNamespace)
        {
            about["namespace"] = Namespace;
        }

        var details = ApiException.DetailsOf(reason, about);
        return code is { } given ? new(status, reason, message, details) { Code = given } : new(status, reason, message, details);
    }

    private string Namespace => string.IsNullOrEmpty(options.Namespace) ? "default" : options.Namespace;

    private void Check(string name, string reason, string operation)
    {
        CheckName(name);
        CheckScheduler(reason, operation);
        try
        {
            jobs.CheckName(name);
        }
        catch (JobException e)
        {
            throw Failed(500, $"DAPR_SCHEDULER_{reason}", $"failed to {operation} due to: rpc error: code = Unknown desc = {e.Message}");
        }
    }

    private void CheckName(string name)
    {
        if (name.Length == 0)
        {
            throw Failed(400, "DAPR_SCHEDULER_JOB_NAME_EMPTY", "Name is empty");
        }
    }

    private void CheckScheduler(string reason, string operation)
    {
        if (!options.HasControlPlane)
        {
            throw Failed(500, $"DAPR_SCHEDULER_{reason}", $"failed to {operation} due to: scheduler clients are disabled");
        }
    }
}
