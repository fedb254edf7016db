using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf.WellKnownTypes;
using Lavka.Sidecar.Workflows;

namespace Lavka.Sidecar.Grpc;

/// <summary>The workflow management calls of Dapr's gRPC API (Dapr: reference/api/workflow_api).</summary>
internal sealed class WorkflowCalls(WorkflowManagement workflows)
{
    public void AddTo(GrpcMethods methods)
    {
        foreach (var version in new[] { "Alpha1", "Beta1" })
        {
            methods.Unary<StartWorkflowRequest, StartWorkflowResponse>("workflows", StartWorkflow, nameof(StartWorkflow) + version);
            methods.Unary<GetWorkflowRequest, GetWorkflowResponse>("workflows", GetWorkflow, nameof(GetWorkflow) + version);
            methods.Unary<TerminateWorkflowRequest, Empty>("workflows", (request, call) => Steer(request.InstanceId, call), "TerminateWorkflow" + version);
            methods.Unary<PauseWorkflowRequest, Empty>("workflows", (request, call) => Steer(request.InstanceId, call), "PauseWorkflow" + version);
            methods.Unary<ResumeWorkflowRequest, Empty>("workflows", (request, call) => Steer(request.InstanceId, call), "ResumeWorkflow" + version);
            methods.Unary<RaiseEventWorkflowRequest, Empty>("workflows", RaiseEventWorkflow, nameof(RaiseEventWorkflow) + version);
            methods.Unary<PurgeWorkflowRequest, Empty>("workflows", PurgeWorkflow, nameof(PurgeWorkflow) + version);
        }
    }

    private async Task<StartWorkflowResponse> StartWorkflow(StartWorkflowRequest request, GrpcCall call)
    {
        var id = request.InstanceId.Length > 0 ? request.InstanceId : Guid.NewGuid().ToString();
        await workflows.Start(id, request.WorkflowName, call.Stop);
        return new() { InstanceId = id };
    }

    private Task<GetWorkflowResponse> GetWorkflow(GetWorkflowRequest request, GrpcCall call)
    {
        workflows.Get(request.InstanceId);
        return Task.FromResult(new GetWorkflowResponse { InstanceId = request.InstanceId });
    }

    private async Task<Empty> Steer(string id, GrpcCall call)
    {
        await workflows.Steer(id, call.Stop);
        return new();
    }

    private async Task<Empty> RaiseEventWorkflow(RaiseEventWorkflowRequest request, GrpcCall call)
    {
        await workflows.RaiseEvent(request.InstanceId, request.EventName, call.Stop);
        return new();
    }

    private Task<Empty> PurgeWorkflow(PurgeWorkflowRequest request, GrpcCall call)
    {
        workflows.Purge(request.InstanceId);
        return Task.FromResult(new Empty());
    }
}
