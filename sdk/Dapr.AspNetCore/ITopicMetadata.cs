namespace Dapr;

/// <summary>An endpoint takes events of a topic.</summary>
public interface ITopicMetadata
{
    /// <summary>The topic.</summary>
    string Name { get; }

    /// <summary>The pub/sub component.</summary>
    string PubsubName { get; }

    /// <summary>The CEL condition an event must meet (Dapr: developing-applications/building-blocks/pubsub/howto-route-messages); null: none.</summary>
    string? Match { get; }

    /// <summary>Conditions are tried from the lowest.</summary>
    int Priority { get; }
}
