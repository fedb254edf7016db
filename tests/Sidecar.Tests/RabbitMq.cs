using Lavka.Testing;
using RabbitMQ.Client;

namespace Lavka.Sidecar.Tests;

/// <summary>What tests need with a RabbitMQ, and do at it past the sidecar.</summary>
internal static class RabbitMq
{
    /// <summary>A topic of one's own.</summary>
    public static string NewTopic() => $"t-{Guid.NewGuid():N}";

    /// <summary>The component <c>pubsub</c>, which loses nothing unless a field says otherwise.</summary>
    public static string Component(string address, params (string Name, string Value)[] fields)
    {
        (string Name, string Value)[] usual =
        [
            ("connectionString", address), ("deletedWhenUnused", "false"), ("deliveryMode", "2"), ("requeueInFailure", "true"), ("prefetchCount", "100"), ("reconnectWaitSeconds", "1"),
        ];
        return TestApp.Component("pubsub", "pubsub.rabbitmq", [.. usual.ExceptBy(fields.Select(field => field.Name), field => field.Name), .. fields]);
    }

    /// <summary>A component that has so long to start.</summary>
    public static string WithInitTimeout(this string component, string timeout) => component.Replace("  version: v1\n", $"  version: v1\n  initTimeout: {timeout}\n", StringComparison.Ordinal);

    /// <summary>Does something as a client of its own.</summary>
    public static async Task Do(this RabbitMqServer server, Func<IChannel, Task> work)
    {
        await using var connection = await new ConnectionFactory { Uri = new(server.ConnectionString) }.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync();
        await work(channel);
    }
}
