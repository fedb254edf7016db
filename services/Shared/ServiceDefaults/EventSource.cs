using Microsoft.Extensions.Configuration;

namespace Lavka.ServiceDefaults;

/// <summary>
/// The component through which a service listens to a topic. With <c>SUBSCRIBE_APART</c> each topic has its own, and with it a connection of its own:
/// subscriptions that share one disturb each other when daprd connects to RabbitMQ again, and messages are left with consumers that nobody reads.
/// </summary>
internal static class EventSource
{
    private const string Apart = "SUBSCRIBE_APART";

    /// <summary><c>pubsub</c>; or <c>pubsub-orders</c>, and for the dead letters of whichever service <c>pubsub-dead-letters</c>.</summary>
    public static string Of(IConfiguration settings, string topic) =>
        settings.GetValue<bool>(Apart) ? $"{Outbox.PubSub}-{topic[(topic.LastIndexOf('.') + 1)..]}" : Outbox.PubSub;
}
