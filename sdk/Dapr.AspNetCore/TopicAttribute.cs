namespace Dapr;

/// <summary>Makes an endpoint take the events of a topic.</summary>
[AttributeUsage(AttributeTargets.All, AllowMultiple = true)]
public class TopicAttribute : Attribute, ITopicMetadata, IRawTopicMetadata, IDeadLetterTopicMetadata
{
    /// <summary>All events of a topic.</summary>
    /// <param name="pubsubName">The pub/sub component.</param>
    /// <param name="name">The topic.</param>
    /// <param name="ownedMetadatas">Not supported here; the official package's.</param>
    /// <param name="metadataSeparator">Not supported here; the official package's.</param>
    public TopicAttribute(string pubsubName, string name, string[]? ownedMetadatas = null, string? metadataSeparator = null)
    {
        ArgumentException.ThrowIfNullOrEmpty(pubsubName);
        ArgumentException.ThrowIfNullOrEmpty(name);
        (PubsubName, Name, OwnedMetadatas, MetadataSeparator) = (pubsubName, name, ownedMetadatas, metadataSeparator);
    }

    /// <summary>The events of a topic that meet a condition.</summary>
    /// <param name="pubsubName">The pub/sub component.</param>
    /// <param name="name">The topic.</param>
    /// <param name="match">The CEL condition.</param>
    /// <param name="priority">Conditions are tried from the lowest.</param>
    /// <param name="ownedMetadatas">Not supported here; the official package's.</param>
    /// <param name="metadataSeparator">Not supported here; the official package's.</param>
    public TopicAttribute(string pubsubName, string name, string match, int priority, string[]? ownedMetadatas = null, string? metadataSeparator = null)
        : this(pubsubName, name, ownedMetadatas, metadataSeparator) => (Match, Priority) = (match, priority);

    /// <summary>All events of a topic, with a dead-letter topic for those that cannot be taken.</summary>
    /// <param name="pubsubName">The pub/sub component.</param>
    /// <param name="name">The topic.</param>
    /// <param name="deadLetterTopic">The dead-letter topic.</param>
    /// <param name="enableRawPayload">Whether messages are no CloudEvents.</param>
    /// <param name="ownedMetadatas">Not supported here; the official package's.</param>
    /// <param name="metadataSeparator">Not supported here; the official package's.</param>
    public TopicAttribute(string pubsubName, string name, string deadLetterTopic, bool enableRawPayload, string[]? ownedMetadatas = null, string? metadataSeparator = null)
        : this(pubsubName, name, ownedMetadatas, metadataSeparator) => (DeadLetterTopic, EnableRawPayload) = (deadLetterTopic, enableRawPayload);

    /// <inheritdoc />
    public string Name { get; set; }

    /// <inheritdoc />
    public string PubsubName { get; set; }

    /// <inheritdoc />
    public bool? EnableRawPayload { get; set; }

    /// <inheritdoc />
    public new string? Match { get; set; }

    /// <inheritdoc />
    public int Priority { get; set; }

    /// <inheritdoc />
    public string? DeadLetterTopic { get; set; }

    /// <summary>Not supported here; the official package's.</summary>
    public string[]? OwnedMetadatas { get; set; }

    /// <summary>Not supported here; the official package's.</summary>
    public string? MetadataSeparator { get; set; }
}
