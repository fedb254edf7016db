namespace Dapr;

/// <summary>Whether a topic's messages are no CloudEvents (Dapr: developing-applications/building-blocks/pubsub/pubsub-raw).</summary>
public interface IRawTopicMetadata
{
    /// <summary>True: they are not; null: not said.</summary>
    bool? EnableRawPayload { get; }
}
