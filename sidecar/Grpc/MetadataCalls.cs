using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf.WellKnownTypes;
using Lavka.Sidecar.PubSub;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Grpc;

/// <summary>The calls of Dapr's gRPC API about the sidecar itself (Dapr: reference/api/metadata_api, reference/api/health_api).</summary>
internal sealed class MetadataCalls(SidecarMetadata metadata, Sidecar sidecar)
{
    public void AddTo(GrpcMethods methods)
    {
        methods.Unary<GetMetadataRequest, GetMetadataResponse>("metadata", GetMetadata);
        methods.Unary<SetMetadataRequest, Empty>("metadata", SetMetadata);
        methods.Unary<ShutdownRequest, Empty>("shutdown", Shutdown);
    }

    private Task<GetMetadataResponse> GetMetadata(GetMetadataRequest request, GrpcCall call)
    {
        var response = new GetMetadataResponse
        {
            Id = metadata.Id,
            RuntimeVersion = Sidecar.RuntimeVersion,
            AppConnectionProperties = AppConnection(),
            ActorRuntime = ActorRuntime(),
            Workflows = new(),
        };
        response.EnabledFeatures.AddRange(metadata.Features);
#pragma warning disable CS0612 // Obsolete, and still what clients read.
        response.ActiveActorsCount.AddRange(metadata.Actors.Select(Actor));
#pragma warning restore CS0612
        response.RegisteredComponents.AddRange(metadata.Components.Select(Component));
        response.ExtendedMetadata.AddRange(metadata.Extended);
        response.Subscriptions.AddRange(metadata.Subscriptions.Select(Subscription));
        response.HttpEndpoints.AddRange(metadata.HttpEndpoints.Select(name => new MetadataHTTPEndpoint { Name = name }));
        return Task.FromResult(response);
    }

    private Task<Empty> SetMetadata(SetMetadataRequest request, GrpcCall call)
    {
        metadata.Set(request.Key, request.Value);
        return Task.FromResult(new Empty());
    }

    private Task<Empty> Shutdown(ShutdownRequest request, GrpcCall call)
    {
        sidecar.RequestShutdown();
        return Task.FromResult(new Empty());
    }

    private static RegisteredComponents Component(LoadedComponent component)
    {
        var answer = new RegisteredComponents { Name = component.Name, Type = component.Type, Version = component.Version };
        answer.Capabilities.AddRange(component.Component.Capabilities);
        return answer;
    }

    private static PubsubSubscription Subscription(SubscriptionSpec subscription)
    {
        var answer = new PubsubSubscription
        {
            PubsubName = subscription.PubSubName,
            Topic = subscription.Topic,
            DeadLetterTopic = subscription.DeadLetterTopic ?? "",
            Type = System.Enum.Parse<PubsubSubscriptionType>(subscription.Type.ToString()),
            Rules = new(),
        };
        answer.Metadata.AddRange(subscription.Metadata);
        answer.Rules.Rules.AddRange(subscription.Routes.Select(route => new PubsubSubscriptionRule { Path = route.Path, Match = route.Match?.Text ?? "" }));
        return answer;
    }

    private AppConnectionProperties AppConnection() => new()
    {
        Port = metadata.AppPort,
        Protocol = metadata.AppProtocol,
        ChannelAddress = metadata.AppChannelAddress,
        MaxConcurrency = metadata.AppMaxConcurrency,
        Health = metadata.AppHealth is not { } health ? null : new()
        {
            HealthCheckPath = metadata.AppHealthPath,
            HealthProbeInterval = Durations.ToGo(health.Interval),
            HealthProbeTimeout = Durations.ToGo(health.Timeout),
            HealthThreshold = health.Threshold,
        },
    };

    private ActorRuntime ActorRuntime()
    {
        var runtime = new ActorRuntime
        {
            RuntimeStatus = metadata.ActorStatus switch
            {
                ActorRuntimeStatus.Running => global::Dapr.Client.Autogen.Grpc.v1.ActorRuntime.Types.ActorRuntimeStatus.Running,
                ActorRuntimeStatus.Disabled => global::Dapr.Client.Autogen.Grpc.v1.ActorRuntime.Types.ActorRuntimeStatus.Disabled,
                _ => global::Dapr.Client.Autogen.Grpc.v1.ActorRuntime.Types.ActorRuntimeStatus.Initializing,
            },
            HostReady = metadata.ActorStatus == ActorRuntimeStatus.Running,
            Placement = metadata.Placement,
        };
        runtime.ActiveActors.AddRange(metadata.Actors.Select(Actor));
        return runtime;
    }

    private static ActiveActorsCount Actor((string Type, int Count) actor) => new() { Type = actor.Type, Count = actor.Count };
}
