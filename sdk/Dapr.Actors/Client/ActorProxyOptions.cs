using System.Text.Json;

namespace Dapr.Actors.Client;

/// <summary>How actor proxies call.</summary>
public class ActorProxyOptions
{
    /// <summary>How arguments and results become JSON. By default camelCase.</summary>
    public JsonSerializerOptions JsonSerializerOptions { get; set; } = new(JsonSerializerDefaults.Web);

    /// <summary>The API token; by default from <c>DAPR_API_TOKEN</c>.</summary>
    public string? DaprApiToken { get; set; } = DaprDefaults.ApiToken();

    /// <summary>The sidecar's HTTP endpoint; by default from the environment.</summary>
    public string HttpEndpoint { get; set; } = DaprDefaults.HttpEndpoint();

    /// <summary>How long a call may take; null: .NET's own limit.</summary>
    public TimeSpan? RequestTimeout { get; set; }

    /// <summary>Here always JSON, whatever this says; the official package's default is binary XML.</summary>
    public bool UseJsonSerialization { get; set; }
}
