using System.Diagnostics;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.Resiliency;

namespace Lavka.Sidecar.PubSub.Delivery;

/// <summary>Has one subscription's messages delivered, and does with each what the answer says (Dapr: reference/api/pubsub_api).</summary>
internal sealed class Subscriber(SubscriptionSpec spec, IDelivery delivery, Func<Policy> policy, DeadLetters deadLetters, Telemetry telemetry, SidecarOptions options)
{
    private readonly Router _router = new(spec, options.Time);

    /// <summary>Completes when the message may be forgotten: taken, dropped, expired, or in the dead-letter topic.</summary>
    /// <exception cref="DeliveryException">It must come again.</exception>
    public async Task Deliver(Message message, CancellationToken stop)
    {
        if (await deadLetters.Route(_router, message, stop) is not { } routed)
        {
            telemetry.Metrics?.PubSubIngress(spec.PubSubName, message.Topic, "drop", TimeSpan.Zero);
            return;
        }

        var started = Stopwatch.GetTimestamp();
        Exception? error = null;
        try
        {
            var answer = await policy().Run(token => options.Broker is { } test
                ? test.Deliver(message.Topic, () => delivery.Deliver(routed, message, token), () => new Attempt<DeliveryAnswer>(DeliveryAnswer.Retry, Failed: true, 500), token)
                : delivery.Deliver(routed, message, token), stop);
            if (answer != DeliveryAnswer.Retry)
            {
                telemetry.Metrics?.PubSubIngress(spec.PubSubName, message.Topic, answer == DeliveryAnswer.Success ? "success" : "drop", Stopwatch.GetElapsedTime(started));
                if (answer == DeliveryAnswer.Drop)
                {
                    await deadLetters.Drop(message, $"the app said so at {routed.Path}", stop);
                }

                return;
            }
        }
        catch (Exception e) when (!stop.IsCancellationRequested)
        {
            error = e;
        }

        stop.ThrowIfCancellationRequested();
        telemetry.Metrics?.PubSubIngress(spec.PubSubName, message.Topic, "retry", Stopwatch.GetElapsedTime(started));
        await deadLetters.Undeliverable(message, error?.Message ?? $"the app asked at {routed.Path} to try again", stop);
    }
}
