using Dapr;
using Dapr.AspNetCore;
using Lavka.Contracts;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Lavka.ServiceDefaults;

/// <summary>Marks an endpoint that takes deliveries.</summary>
internal sealed record EventEndpoint;

/// <summary>Counts a service's subscriptions: Dapr wants a priority of its own for each route of a topic.</summary>
internal sealed class EventRoutes
{
    private int _count;

    public int NextPriority() => ++_count;
}

/// <summary>Subscribes use cases to events.</summary>
public static class EventEndpoints
{
    // Set by the runner. daprd brings a subscription's next bulk only when all of the last is taken: one event that has to be tried again would hold up all others.
    private const string InBulk = "SUBSCRIBE_IN_BULK";
    private const int MostTogether = 100;

    // How long an event may be held up for company. Under load there is company anyway: what has come while the last bulk was on its way.
    private const int MostWaitMilliseconds = 2;

    /// <summary>
    /// Calls the handler with each event of this type. A handler that returns has taken the event; one that throws gets it again, except for
    /// <see cref="RuleBrokenException"/>, which puts it into the service's dead-letter topic.
    /// <para>With <c>SUBSCRIBE_IN_BULK</c> events come in bulk (Dapr: developing-applications/building-blocks/pubsub/pubsub-bulk), and are handled beside each other.</para>
    /// </summary>
    /// <param name="app">The service.</param>
    /// <param name="handler">The use case: the event, services, and a cancellation token.</param>
    /// <param name="where">A CEL condition on the event besides its type, for example <c>event.data.template == "welcome"</c>.</param>
    public static void On<T>(this WebApplication app, Delegate handler, string? where = null)
        where T : class, IEvent
    {
        var use = EventHandlers.Of<T>(handler);
        var endpoint = app.MapPost($"/events/{T.Topic}/{T.Type}", (HttpContext http, Deliveries deliveries) => deliveries.Take(http, use))
            .WithMetadata(new EventEndpoint())
            .WithTopic(new TopicOptions
            {
                PubsubName = EventSource.Of(app.Configuration, T.Topic),
                Name = T.Topic,
                Priority = app.Services.GetRequiredService<EventRoutes>().NextPriority(),
                Match = $"event.type == \"{T.Type}\"" + (where is null ? "" : $" && {where}"),
            })
            .ExcludeFromDescription();
        if (app.Configuration.GetValue<bool>(InBulk))
        {
            endpoint.WithBulkSubscribe(new BulkSubscribeTopicOptions { TopicName = T.Topic, MaxMessagesCount = MostTogether, MaxAwaitDurationMs = MostWaitMilliseconds });
        }
    }
}
