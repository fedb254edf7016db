using System.Linq.Expressions;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;

namespace Lavka.ServiceDefaults;

/// <summary>Calls a use case with an event's data, with services, and with a cancellation token.</summary>
internal delegate Task HandleEvent(JsonElement data, JsonSerializerOptions json, IServiceProvider services, CancellationToken cancellationToken);

/// <summary>Makes handlers of use cases.</summary>
internal static class EventHandlers
{
    /// <param name="useCase">Its parameters are the event, services, and a cancellation token, in any order; it returns a task.</param>
    public static HandleEvent Of<T>(Delegate useCase)
        where T : class
    {
        var (@event, services, stop) = (Expression.Parameter(typeof(T)), Expression.Parameter(typeof(IServiceProvider)), Expression.Parameter(typeof(CancellationToken)));
        var arguments = useCase.Method.GetParameters().Select(parameter =>
            parameter.ParameterType == typeof(T) ? @event
            : parameter.ParameterType == typeof(CancellationToken) ? stop
            : (Expression)Expression.Call(typeof(ServiceProviderServiceExtensions), nameof(ServiceProviderServiceExtensions.GetRequiredService), [parameter.ParameterType], services));
        var target = useCase.Target is null ? null : Expression.Constant(useCase.Target);
        var call = Expression.Lambda<Func<T, IServiceProvider, CancellationToken, Task>>(Expression.Call(target, useCase.Method, arguments), @event, services, stop).Compile();
        return (data, json, provider, cancellationToken) => call(data.Deserialize<T>(json) ?? throw new JsonException("The event has no data."), provider, cancellationToken);
    }
}
