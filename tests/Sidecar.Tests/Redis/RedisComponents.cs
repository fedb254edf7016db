using Lavka.Sidecar.Resources;
using Lavka.Testing;
using YamlDotNet.RepresentationModel;

namespace Lavka.Sidecar.Tests;

/// <summary>What tests need with a Redis.</summary>
internal static class RedisComponents
{
    /// <summary>A name of one's own, for a key, a topic or an app.</summary>
    public static string NewName() => $"t-{Guid.NewGuid():N}";

    /// <summary>A component on that Redis. It gives up soon, unless a field says otherwise.</summary>
    public static string Component(this RedisServer server, string name, string type, params (string Name, string Value)[] fields) =>
        TestApp.Component(name, type, [("redisHost", server.Address), ("readTimeout", "1s"), .. fields]);

    /// <summary>The fields of a component; the last value of a name counts.</summary>
    public static ComponentMetadata Metadata(string type, params (string Name, string Value)[] fields) => new(
        new("test.yaml", "dapr.io/v1alpha1", "Component", "redis", new YamlMappingNode()), type, fields.GroupBy(field => field.Name).ToDictionary(group => group.Key, group => group.Last().Value), ".");
}
