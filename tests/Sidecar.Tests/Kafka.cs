using Lavka.Sidecar.Testing;

namespace Lavka.Sidecar.Tests;

/// <summary>One mock cluster for all tests of a run; each takes topics of its own.</summary>
internal static class Kafka
{
    private static readonly Lazy<KafkaMockCluster> Shared = new(() => new(rebalanceDelay: TimeSpan.FromMilliseconds(100)));

    public static KafkaMockCluster Cluster => Shared.Value;

    /// <summary>What a component needs. Sessions are short: the mock waits nearly a session's time at each rebalance, for members that may never join again.</summary>
    /// <param name="brokers">The shared cluster's, unless others are given.</param>
    public static (string Name, string Value)[] Fields(string? brokers = null) =>
        [("brokers", brokers ?? Cluster.BootstrapServers), ("authType", "none"), ("sessionTimeout", "3s"), ("heartbeatInterval", "300ms")];

    /// <summary>A topic of one's own.</summary>
    public static string NewTopic(int partitions = 4)
    {
        var topic = $"t-{Guid.NewGuid():N}";
        Cluster.CreateTopic(topic, partitions);
        return topic;
    }
}
