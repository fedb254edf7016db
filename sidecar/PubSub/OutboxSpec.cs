using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.PubSub;

/// <summary>A state store's outbox (Dapr: developing-applications/building-blocks/state-management/howto-outbox).</summary>
/// <param name="PubSub"><c>outboxPublishPubsub</c>: where the events go.</param>
/// <param name="Topic"><c>outboxPublishTopic</c>.</param>
/// <param name="InternalPubSub"><c>outboxPubsub</c>: where they wait for the transaction; by default the same.</param>
/// <param name="DiscardWhenMissing"><c>outboxDiscardWhenMissingState</c>: forget an event whose transaction has failed at once, instead of asking the broker for it again.</param>
internal sealed record OutboxSpec(string PubSub, string Topic, string InternalPubSub, bool DiscardWhenMissing)
{
    /// <summary>Null when the store has none.</summary>
    public static OutboxSpec? From(ComponentMetadata metadata) =>
        metadata.Find("outboxPublishPubsub") is { } pubSub && metadata.Find("outboxPublishTopic") is { } topic
            ? new(pubSub, topic, metadata.Get("outboxPubsub", pubSub), metadata.Flag("outboxDiscardWhenMissingState"))
            : null;
}
