using System.Linq.Expressions;
using System.Text.Json;
using Lavka.Contracts;
using Microsoft.Extensions.DependencyInjection;

namespace Lavka.ServiceDefaults;

/// <summary>Calls a use case with an event's data, with services, and with a cancellation token.</summary>
/// <exception cref="JsonException">The data is not what the event's schema says: it can never be handled.</exception>
internal delegate Task HandleEvent(JsonElement data, IServiceProvider services, CancellationToken cancellationToken);

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
        return (data, provider, cancellationToken) => call(Read<T>(data), provider, cancellationToken);
    }

    private static T Read<T>(JsonElement data)
    {
        Check(data, name: "data");
        return (data.ValueKind == JsonValueKind.Undefined ? default : data.Deserialize<T>(EventJson.Strict)) ?? throw new JsonException("The event has no data.");
    }

    /// <summary>What no schema allows and no reader looks for: ids that could be none, which become part of keys, and lists with nothing in them.</summary>
    private static void Check(JsonElement value, string name)
    {
        if (value.ValueKind == JsonValueKind.Array)
        {
            foreach (var item in value.EnumerateArray())
            {
                if (item.ValueKind == JsonValueKind.Null)
                {
                    throw new JsonException($"'{name}' has an item that is null.");
                }

                Check(item, name);
            }
        }
        else if (value.ValueKind == JsonValueKind.Object)
        {
            foreach (var member in value.EnumerateObject())
            {
                if (member.Value.ValueKind == JsonValueKind.String && member.Name.EndsWith("Id", StringComparison.Ordinal) && !Ids.CanBe(member.Value.GetString()))
                {
                    throw new JsonException($"'{member.Name}' is '{member.Value.GetString()}', which cannot be an id.");
                }

                Check(member.Value, member.Name);
            }
        }
    }
}
