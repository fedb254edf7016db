using Lavka.Sidecar.Testing;

namespace Lavka.Sidecar.Tests;

/// <summary>One mock cluster for all tests of a run; each takes topics of its own.</summary>
internal static class Kafka
{
    private static readonly Lazy<KafkaMockCluster> Shared = new(() => new());

    public static KafkaMockCluster Cluster => Shared.Value;

    /// <summary>A topic of one's own.</summary>
    public static string NewTopic(int partitions = 4)
    {
        var topic = $"t-{Guid.NewGuid():N}";
        Cluster.CreateTopic(topic, partitions);
        return topic;
    }
}
