namespace Dapr;

/// <summary>Options of <c>UseCloudEvents</c>.</summary>
public class CloudEventsMiddlewareOptions
{
    /// <summary>Whether text data stays JSON strings.</summary>
    public bool SuppressJsonDecodingOfTextPayloads { get; set; }

    /// <summary>Whether the envelope's other members become request headers <c>Cloudevent.{name}</c>.</summary>
    public bool ForwardCloudEventPropertiesAsHeaders { get; set; }

    /// <summary>The only members that become headers; null: all.</summary>
    public string[]? IncludedCloudEventPropertiesAsHeaders { get; set; }

    /// <summary>Members that do not become headers.</summary>
    public string[]? ExcludedCloudEventPropertiesFromHeaders { get; set; }
}
