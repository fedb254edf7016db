using Dapr;
using Lavka.Contracts;
using Microsoft.AspNetCore.Builder;
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
    /// <summary>
    /// Calls the handler with each event of this type. A handler that returns has taken the event; one that throws gets it again, except for
    /// <see cref="RuleBrokenException"/>, which puts it into the service's dead-letter topic.
    /// </summary>
    /// <param name="app">The service.</param>
    /// <param name="handler">The use case: the event, services, and a cancellation token.</param>
    /// <param name="where">A CEL condition on the event besides its type, for example <c>event.data.template == "welcome"</c>.</param>
    public static void On<T>(this WebApplication app, Delegate handler, string? where = null)
        where T : IEvent => app.MapPost($"/events/{T.Topic}/{T.Type}", handler)
            .WithMetadata(new EventEndpoint())
            .WithTopic(new TopicOptions
            {
                PubsubName = EventSource.Of(app.Configuration, T.Topic),
                Name = T.Topic,
                Priority = app.Services.GetRequiredService<EventRoutes>().NextPriority(),
                Match = $"event.type == \"{T.Type}\"" + (where is null ? "" : $" && {where}"),
            });
}
