using System.Collections.Concurrent;
using Lavka.Sidecar.PubSub;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar;

/// <summary>What a sidecar tells about itself, and what others noted about it (Dapr: reference/api/metadata_api).</summary>
internal sealed class SidecarMetadata(Sidecar sidecar, SidecarOptions options)
{
    private readonly ConcurrentDictionary<string, string> _extended = new();

    /// <summary>The app's id.</summary>
    public string Id => options.AppId;

    /// <summary>The preview features that the Configuration turns on.</summary>
    public IEnumerable<string> Features => sidecar.Configuration.Features;

    /// <summary>Every component the app has.</summary>
    public IEnumerable<LoadedComponent> Components => sidecar.Components.All;

    /// <summary>What was noted, and the runtime's version.</summary>
    public IEnumerable<KeyValuePair<string, string>> Extended =>
        _extended.Where(pair => pair.Key != "daprRuntimeVersion").Prepend(new("daprRuntimeVersion", Sidecar.RuntimeVersion));

    /// <summary>The app's subscriptions.</summary>
    public IEnumerable<SubscriptionSpec> Subscriptions => sidecar.Subscriptions;

    /// <summary>The names of the HTTP endpoints.</summary>
    public IEnumerable<string> HttpEndpoints => sidecar.HttpEndpoints.Keys;

    /// <summary>The actor types the app hosts, with how many of each are active.</summary>
    public IEnumerable<(string Type, int Count)> Actors => sidecar.Actors.Hosted;

    /// <summary>How far the actor runtime is.</summary>
    public ActorRuntimeStatus ActorStatus => !options.HasControlPlane ? ActorRuntimeStatus.Disabled
        : sidecar.Ready.IsCompletedSuccessfully ? ActorRuntimeStatus.Running
        : ActorRuntimeStatus.Initializing;

    /// <summary>Whether the sidecar knows where actors are; empty while it does not yet know.</summary>
    public string Placement => ActorStatus switch
    {
        ActorRuntimeStatus.Running => "placement: connected",
        ActorRuntimeStatus.Disabled => "placement: disconnected",
        _ => "",
    };

    /// <summary>How the sidecar reaches the app: its protocol as on daprd's command line.</summary>
    public string AppProtocol => options.AppProtocol.ToString().ToLowerInvariant();

    /// <summary>The host the app listens on.</summary>
    public string AppChannelAddress => options.AppChannelAddress;

    /// <summary>The port the app listens on; 0: there is no app.</summary>
    public int AppPort => sidecar.App is null ? 0 : options.AppPort ?? 0;

    /// <summary>How many requests the app gets at once; 0: no limit.</summary>
    public int AppMaxConcurrency => options.AppMaxConcurrency ?? 0;

    /// <summary>How the app's health is checked; null: it is not.</summary>
    public AppHealthCheck? AppHealth => sidecar.App is null ? null : options.AppHealthCheck;

    /// <summary>The path of the app's health check; empty over gRPC, which has a call for it.</summary>
    public string AppHealthPath => options.AppProtocol is Lavka.Sidecar.AppProtocol.Grpc or Lavka.Sidecar.AppProtocol.Grpcs ? "" : AppHealth?.Path ?? "";

    /// <summary>Notes something; under no name, nothing.</summary>
    public void Set(string name, string value)
    {
        if (name.Length > 0)
        {
            _extended[name] = value;
        }
    }
}

/// <summary>How far the actor runtime is.</summary>
internal enum ActorRuntimeStatus
{
    /// <summary>The app has not yet said what it hosts.</summary>
    Initializing,

    /// <summary>There is no placement service.</summary>
    Disabled,

    /// <summary>Actors can be called.</summary>
    Running,
}
