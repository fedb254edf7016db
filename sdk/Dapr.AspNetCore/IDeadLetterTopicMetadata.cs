namespace Dapr;

/// <summary>Where events go that an endpoint cannot take (Dapr: developing-applications/building-blocks/pubsub/pubsub-deadletter).</summary>
public interface IDeadLetterTopicMetadata
{
    /// <summary>The dead-letter topic; null: none.</summary>
    string? DeadLetterTopic { get; }
}
