using System.Text.Json;
using Lavka.Sidecar.Cel;

namespace Lavka.Sidecar.PubSub.Delivery;

/// <summary>Where a subscription's messages end that the app does not take (Dapr: developing-applications/building-blocks/pubsub/pubsub-deadletter).</summary>
internal sealed partial class DeadLetters(SubscriptionSpec spec, Publisher publisher, ILogger log)
{
    /// <summary>The app will not have it: it goes to the dead-letter topic if there is one, and may be forgotten.</summary>
    public async Task Drop(Message message, string why, CancellationToken stop)
    {
        LogDropped(message.Topic, why);
        await Put(message, stop);
    }

    /// <summary>The app cannot take it: it goes to the dead-letter topic.</summary>
    /// <exception cref="DeliveryException">There is none: the message must come again.</exception>
    public async Task Undeliverable(Message message, string why, CancellationToken stop)
    {
        if (!await Put(message, stop))
        {
            LogFailed(message.Topic, why);
            throw new DeliveryException(why);
        }

        LogDeadLetter(message.Topic, spec.DeadLetterTopic!, why);
    }

    /// <summary>Finds a message's route; null when it is dealt with, because no route wants it, it has expired, or cannot be read.</summary>
    public async ValueTask<Routed?> Route(Router router, Message message, CancellationToken stop)
    {
        Routed routed;
        try
        {
            routed = router.Route(message);
        }
        catch (Exception e) when (e is JsonException or CelException or InvalidOperationException)
        {
            await Undeliverable(message, $"it cannot be routed: {e.Message}", stop);
            return null;
        }

        if (routed.Path is null)
        {
            LogNoRoute(message.Topic);
            await Put(message, stop);
            return null;
        }

        return routed;
    }

    private async Task<bool> Put(Message message, CancellationToken stop)
    {
        if (spec.DeadLetterTopic is not { } topic)
        {
            return false;
        }

        await publisher.Send(spec.PubSubName, [message with { Topic = topic }], stop);
        return true;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "An event of topic {Topic} was not taken: {Problem}")]
    private partial void LogFailed(string topic, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "An event of topic {Topic} goes to the dead-letter topic {DeadLetterTopic}: {Problem}")]
    private partial void LogDeadLetter(string topic, string deadLetterTopic, string problem);

    [LoggerMessage(Level = LogLevel.Warning, Message = "An event of topic {Topic} was dropped: {Reason}")]
    private partial void LogDropped(string topic, string reason);

    [LoggerMessage(Level = LogLevel.Debug, Message = "An event of topic {Topic} has expired or matches no route")]
    private partial void LogNoRoute(string topic);
}
