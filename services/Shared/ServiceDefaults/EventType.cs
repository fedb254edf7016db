using System.Collections.Concurrent;
using Lavka.Contracts;

namespace Lavka.ServiceDefaults;

/// <summary>The CloudEvents type of an event whose class is known only at run time.</summary>
internal static class EventType
{
    private static readonly ConcurrentDictionary<Type, string> Types = new();

    public static string Of(IEvent @event) => Types.GetOrAdd(@event.GetType(), type => (string)type.GetProperty(nameof(IEvent.Type))!.GetValue(null)!);
}
