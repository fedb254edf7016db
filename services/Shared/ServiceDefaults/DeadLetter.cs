using System.Text.Json;
using System.Text.Json.Nodes;

namespace Lavka.ServiceDefaults;

/// <summary>A dead letter as it goes through the dead-letter topic.</summary>
/// <param name="Id">The event's id.</param>
/// <param name="Type">The event's type.</param>
/// <param name="Path">The endpoint that refused it.</param>
internal sealed record DeadLetterMessage(string Id, string Type, string Path, string Reason, JsonNode? Data);

/// <summary>An event that can never pass as things are, kept until somebody has mended what is wrong and sends it again.</summary>
/// <param name="Id">Of the dead letter: an event is dead once for an endpoint, however often it is refused.</param>
/// <param name="Refusals">How often it has been refused.</param>
/// <param name="IsResent">Whether it has passed since. It is kept for a week then.</param>
/// <param name="LastMessage">The id of the last message about it: that it comes twice is no second refusal.</param>
public sealed record DeadLetter(string Id, string EventId, string Type, string Path, string Reason, JsonElement Data, DateTimeOffset At, int Refusals, bool IsResent, string? LastMessage = null)
{
    /// <summary>The index of a service's dead letters.</summary>
    public const string Index = "dead-letters";

    /// <summary>How long one is kept that has passed.</summary>
    public static readonly TimeSpan KeptWhenResent = TimeSpan.FromDays(7);

    public static string KeyOf(string id) => $"dead-letter-{id}";
}
