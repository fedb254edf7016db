using System.Text.Json;
using Lavka.Sidecar.Actors;
using Lavka.Sidecar.State;

namespace Lavka.Sidecar.Http;

/// <summary>The body of an actor's state transaction (Dapr: reference/api/actors_api).</summary>
internal static class ActorStateBody
{
    /// <exception cref="ActorException">An operation is not one: thrown when it is its turn to be read.</exception>
    public static IEnumerable<ActorStateOperation> Operations(JsonElement list) => list.EnumerateArray().Select(Read);

    private static ActorStateOperation Read(JsonElement item)
    {
        var type = Find(item, "operation") is { } kind ? Text(kind, "operation") ?? "" : "";
        if (type is not ("upsert" or "delete"))
        {
            return new(type, null);
        }

        if (Find(item, "request") is not { ValueKind: JsonValueKind.Object } request)
        {
            throw ActorRuntime.StateFailed("request data is empty");
        }

        return new(type, Find(request, "key") is { } name ? Text(name, "key") : null)
        {
            Value = Find(request, "value") is { } json ? GoJson.Normalise(json) : "null"u8.ToArray(),
            ETag = Find(request, "etag") is { } given && Text(given, "etag") is { Length: > 0 } tag ? tag : null,
            Ttl = Find(request, "metadata") is { ValueKind: JsonValueKind.Object } metadata && metadata.TryGetProperty("ttlInSeconds", out var text)
                ? text.ValueKind == JsonValueKind.String ? text.GetString() : text.GetRawText() + " (no string)"
                : null,
        };
    }

    // Go reads names in any case.
    private static JsonElement? Find(JsonElement item, string name) =>
        item.EnumerateObject().LastOrDefault(member => member.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) is { Value.ValueKind: not JsonValueKind.Undefined } found ? found.Value : null;

    private static string? Text(JsonElement value, string name) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Null => null,
        _ => throw new ActorException("ERR_MALFORMED_REQUEST", $"failed deserializing HTTP body: {name} is not a string", 400),
    };
}
