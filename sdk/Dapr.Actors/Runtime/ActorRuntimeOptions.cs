using System.Text.Json;

namespace Dapr.Actors.Runtime;

/// <summary>The actors an app hosts, and how (Dapr: developing-applications/building-blocks/actors/actors-runtime-config).</summary>
public sealed class ActorRuntimeOptions
{
    /// <summary>The actor types.</summary>
    public ActorRegistrationCollection Actors { get; } = [];

    /// <summary>How long an actor stays in memory without a call; null: Dapr's own, 60 minutes.</summary>
    public TimeSpan? ActorIdleTimeout { get; set; }

    /// <summary>Whether actors may be called in the course of their own calls.</summary>
    public ActorReentrancyConfig ReentrancyConfig { get; set; } = new();

    /// <summary>Whether typed calls are sent as JSON. Here they always are; the official package sends .NET's binary XML unless this is set.</summary>
    public bool UseJsonSerialization { get; set; }

    /// <summary>How state and arguments become JSON. By default camelCase.</summary>
    public JsonSerializerOptions JsonSerializerOptions { get; set; } = new(JsonSerializerDefaults.Web);

    /// <summary>The API token; by default from <c>DAPR_API_TOKEN</c>.</summary>
    public string? DaprApiToken { get; set; } = "";

    /// <summary>The sidecar's HTTP endpoint; null: from the environment.</summary>
    public string? HttpEndpoint { get; set; }
}
