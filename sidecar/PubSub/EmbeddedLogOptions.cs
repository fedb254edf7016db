using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.PubSub;

/// <summary>The metadata of <c>pubsub.embedded</c>.</summary>
/// <param name="Path"><c>path</c>, required: the log's file.</param>
/// <param name="Partitions"><c>partitions</c>: how many a new topic gets, 16 by default.</param>
/// <param name="Retention"><c>retention</c>: how long messages are kept, a week by default.</param>
/// <param name="FromOldest"><c>initialOffset</c>: whether a new consumer group starts with the <c>oldest</c> message, the default, or the <c>newest</c>.</param>
internal sealed record EmbeddedLogOptions(string Path, int Partitions, TimeSpan Retention, bool FromOldest)
{
    /// <exception cref="ResourceException">A field is missing or wrong.</exception>
    public static EmbeddedLogOptions From(ComponentMetadata metadata) => new(
        metadata.DataPath(metadata.Required("path")),
        metadata.Number("partitions", 16, 1, 1024),
        metadata.Duration("retention", TimeSpan.FromDays(7)),
        metadata.Get("initialOffset", "oldest") switch
        {
            "oldest" => true,
            "newest" => false,
            _ => throw metadata.Invalid("initialOffset", "oldest or newest"),
        });
}
