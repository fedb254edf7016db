using System.Diagnostics;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;

namespace Lavka.Sidecar.Observability;

/// <summary>What spans of the gRPC API say of their call (Dapr: operations/observability/tracing).</summary>
internal static class GrpcSpans
{
    /// <param name="span">The call's span.</param>
    /// <param name="method">The call's full name.</param>
    /// <param name="request">What was asked; null: a stream.</param>
    public static void Describe(Activity? span, string method, IMessage? request)
    {
        if (span is not { IsAllDataRequested: true })
        {
            return;
        }

        span.SetTag("dapr.protocol", "grpc").SetTag("dapr.api", method);
        switch (request)
        {
            case InvokeServiceRequest invocation:
                span.DisplayName = $"CallLocal/{invocation.Id}/{invocation.Message?.Method}";
                span.SetTag("rpc.service", "ServiceInvocation").SetTag("net.peer.name", invocation.Id);
                break;
            case PublishEventRequest published:
                Topic(published.Topic);
                break;
            case BulkPublishRequest published:
                Topic(published.Topic);
                break;
            case InvokeBindingRequest binding:
                Store("bindings", binding.Name);
                break;
            case GetStateRequest state:
                Store("state", state.StoreName);
                break;
            case SaveStateRequest state:
                Store("state", state.StoreName);
                break;
            case DeleteStateRequest state:
                Store("state", state.StoreName);
                break;
            case GetSecretRequest secret:
                Store("secrets", secret.StoreName);
                break;
        }

        void Topic(string topic) => span.SetTag("rpc.service", "Dapr").SetTag("messaging.system", "pubsub").SetTag("messaging.destination.name", topic);

        void Store(string system, string name) => span.SetTag("rpc.service", "Dapr")
            .SetTag("db.name", name).SetTag("db.system", system).SetTag("db.statement", method).SetTag("db.connection_string", system);
    }
}
