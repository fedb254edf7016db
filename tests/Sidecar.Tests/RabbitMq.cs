using System.Net.Sockets;
using RabbitMQ.Client;

namespace Lavka.Sidecar.Tests;

/// <summary>A RabbitMQ on this machine, at its usual port.</summary>
internal static class RabbitMq
{
    public const string Address = "amqp://guest:guest@127.0.0.1:5672";

    public static bool IsThere { get; } = Answers();

    /// <summary>Deletes the queues that an app's subscriptions to these topics have made.</summary>
    public static async Task DeleteQueues(string appId, IEnumerable<string> topics)
    {
        await using var connection = await new ConnectionFactory { Uri = new(Address) }.CreateConnectionAsync();
        await using var channel = await connection.CreateChannelAsync();
        foreach (var topic in topics)
        {
            await channel.QueueDeleteAsync($"{appId}-{topic}");
        }
    }

    private static bool Answers()
    {
        try
        {
            using var client = new TcpClient("127.0.0.1", 5672);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}

/// <summary>A test that needs RabbitMQ.</summary>
public sealed class RabbitMqTheoryAttribute : TheoryAttribute
{
    public RabbitMqTheoryAttribute() => Skip = RabbitMq.IsThere ? null : "No RabbitMQ listens at 127.0.0.1:5672 (Debian: apt-get install rabbitmq-server; rabbitmq-server -detached).";
}

/// <inheritdoc cref="RabbitMqTheoryAttribute"/>
public sealed class RabbitMqFactAttribute : FactAttribute
{
    public RabbitMqFactAttribute() => Skip = new RabbitMqTheoryAttribute().Skip;
}
