namespace Dapr;

/// <summary>What <c>WithTopic</c> subscribes to.</summary>
public class TopicOptions
{
    /// <summary>The subscription's metadata.</summary>
    public IDictionary<string, string>? Metadata;

    /// <summary>The topic.</summary>
    public string Name { get; set; } = "";

    /// <summary>The pub/sub component.</summary>
    public string PubsubName { get; set; } = "";

    /// <summary>Whether messages are no CloudEvents.</summary>
    public bool EnableRawPayload { get; set; }

    /// <summary>The CEL condition; null: none.</summary>
    public string? Match { get; set; }

    /// <summary>Conditions are tried from the lowest.</summary>
    public int Priority { get; set; }

    /// <summary>The dead-letter topic; null: none.</summary>
    public string? DeadLetterTopic { get; set; }
}
