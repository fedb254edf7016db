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
/// <param name="PartitionKey">The event's, if it could not be published.</param>
public sealed record DeadLetter(
    string Id, string EventId, string Type, string Path, string Reason, JsonElement Data, DateTimeOffset At, int Refusals, bool IsResent, string? LastMessage = null, string? PartitionKey = null)
{
    /// <summary>The path of an event that no endpoint has refused, but the broker.</summary>
    public const string Outbox = "outbox";

    /// <summary>The index of a service's dead letters.</summary>
    public const string Index = "dead-letters";

    /// <summary>How long one is kept that has passed.</summary>
    public static readonly TimeSpan KeptWhenResent = TimeSpan.FromDays(7);

    public static string KeyOf(string id) => $"dead-letter-{id}";

    /// <summary>Keeps one.</summary>
    /// <param name="message">The id of the message about it; null: it came without one.</param>
    internal static Task Keep(AggregateStore store, DeadLetterMessage letter, TimeProvider time, string? message, CancellationToken stop, string? partitionKey = null)
    {
        var id = NaturalId.From(letter.Id, letter.Path);
        return store.Change<DeadLetter, IdList>(KeyOf(id), [Index], (known, parts) =>
        {
            if (known is not null && message is not null && known.LastMessage == message)
            {
                return known.Unchanged();
            }

            // Who has passed is not looked for where it was.
            if (known is null or { IsResent: true })
            {
                IdList.Add(parts, Index, id);
            }

            var data = JsonSerializer.SerializeToElement(letter.Data);
            return new DeadLetter(id, letter.Id, letter.Type, letter.Path, letter.Reason, data, time.GetUtcNow(), (known?.Refusals ?? 0) + 1, IsResent: false, message, partitionKey).Quietly();
        }, stop);
    }
}
