using Grpc.Core;

namespace Lavka.Sidecar.Workflows;

/// <summary>
/// Dapr's workflow management as it answers while no app has registered workflows (Dapr: reference/api/workflow_api): there are none to be found, and whoever starts or steers one
/// waits for an app that never comes.
/// </summary>
internal sealed class WorkflowManagement(SidecarOptions options)
{
    private const int LongestId = 64;

    /// <summary>Waits for an app that has the workflow.</summary>
    public async Task Start(string id, string workflow, CancellationToken cancellationToken)
    {
        CheckPlacement();
        if (id.Length > LongestId)
        {
            throw ApiException.Plain(400, "ERR_INSTANCE_ID_TOO_LONG", $"workflow instance ID exceeds the max length of {LongestId} characters");
        }

        if (!id.All(letter => char.IsLetterOrDigit(letter) || letter is '_' or '-'))
        {
            throw ApiException.Plain(400, "ERR_INSTANCE_ID_INVALID", $"workflow instance ID '{id}' is invalid: only alphanumeric and underscore characters are allowed");
        }

        if (workflow.Length == 0)
        {
            throw ApiException.Plain(400, "ERR_WORKFLOW_NAME_MISSING", "workflow name is not configured");
        }

        await Task.Delay(Timeout.Infinite, cancellationToken);
    }

    /// <summary>Checks who asks for an instance: there is none.</summary>
    public void Get(string id)
    {
        CheckPlacement();
        CheckId(id);
    }

    /// <summary>Waits for an app that has the instance.</summary>
    public async Task Steer(string id, CancellationToken cancellationToken)
    {
        Get(id);
        await Task.Delay(Timeout.Infinite, cancellationToken);
    }

    /// <summary>Waits for an app that has the instance and would take the event.</summary>
    public async Task RaiseEvent(string id, string name, CancellationToken cancellationToken)
    {
        Get(id);
        if (name.Length == 0)
        {
            throw ApiException.Plain(400, "ERR_WORKFLOW_EVENT_NAME_MISSING", "missing workflow event name");
        }

        await Task.Delay(Timeout.Infinite, cancellationToken);
    }

    /// <summary>There is nothing to purge.</summary>
    public void Purge(string id)
    {
        Get(id);
        throw ApiException.Plain(404, "ERR_INSTANCE_ID_NOT_FOUND", $"unable to find workflow with the provided instance ID: {id}");
    }

    private void CheckPlacement()
    {
        if (!options.HasControlPlane)
        {
            throw ApiException.Plain(400, "ERR_ACTOR_NO_PLACEMENT", "placement service is not configured", StatusCode.Unavailable);
        }
    }

    private static void CheckId(string id)
    {
        if (id.Length == 0)
        {
            throw ApiException.Plain(400, "ERR_INSTANCE_ID_PROVIDED_MISSING", "no instance ID was provided");
        }
    }
}
