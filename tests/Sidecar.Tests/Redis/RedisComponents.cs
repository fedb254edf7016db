using Lavka.Sidecar.Resources;
using Lavka.Sidecar.State;
using Lavka.Testing;
using Microsoft.Extensions.Logging.Abstractions;
using YamlDotNet.RepresentationModel;

namespace Lavka.Sidecar.Tests;

/// <summary>What tests need with a Redis.</summary>
internal static class RedisComponents
{
    /// <summary>A name of one's own, for a key, a topic or an app.</summary>
    public static string NewName() => $"t-{Guid.NewGuid():N}";

    /// <summary>For who waits for a call to fail.</summary>
    public static readonly (string Name, string Value) Impatient = ("readTimeout", "1s");

    /// <summary>A component on that Redis.</summary>
    public static string Component(this RedisServer server, string name, string type, params (string Name, string Value)[] fields) =>
        TestApp.Component(name, type, [("redisHost", server.Address), .. fields]);

    /// <summary>A state store that has started, with a database of its own unless a field says otherwise.</summary>
    public static async Task<RedisStateStore> Store(RedisServer server, params (string Name, string Value)[] fields)
    {
        var store = new RedisStateStore(
            Metadata("state.redis", [("redisHost", server.Address), ("redisDB", $"{server.NewDatabase()}"), .. fields]),
            NullLogger<RedisStateStore>.Instance);
        try
        {
            await store.Start(default);
            return store;
        }
        catch
        {
            await store.DisposeAsync();
            throw;
        }
    }

    /// <summary>The fields of a component; the last value of a name counts.</summary>
    public static ComponentMetadata Metadata(string type, params (string Name, string Value)[] fields) => new(
        new("test.yaml", "dapr.io/v1alpha1", "Component", "redis", new YamlMappingNode()), type, fields.GroupBy(field => field.Name).ToDictionary(group => group.Key, group => group.Last().Value), ".");
}
