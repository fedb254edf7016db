using Lavka.Testing;
using RabbitMQ.Client;

namespace Lavka.Sidecar.Tests;

/// <summary>What tests do at a RabbitMQ past the sidecar.</summary>
internal static class RabbitMq
{
    /// <summary>Deletes the queues that an app's subscriptions to these topics have made.</summary>
    public static Task DeleteQueues(this RabbitMqServer server, string appId, IEnumerable<string> topics) => server.Do(async channel =>
    {
        foreach (var topic in topics)
        {
            await channel.QueueDeleteAsync($"{appId}-{topic}");
        }
    });

    /// <summary>Does something as a client of its own.</summary>
    public static async Task Do(this RabbitMqServer server, Func<IChannel, Task> work)
    {
        await using var connection = await new ConnectionFactory { Uri = new(server.ConnectionString) }.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync();
        await work(channel);
    }
}
