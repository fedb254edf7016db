using System.Globalization;
using System.Text.Json;
using Lavka.Sidecar.PubSub;
using Lavka.Sidecar.State;

namespace Lavka.Sidecar.Http;

/// <summary>An option of a state operation that there is not.</summary>
internal sealed class StateOptionException(string message) : Exception(message);

/// <summary>What a body says of one key: an item of a save, or the request of a transaction's operation (Dapr: reference/api/state_api).</summary>
internal sealed record StateRequest
{
    private static readonly JsonElement Null = JsonDocument.Parse("null").RootElement;

    // A date ends before Go's durations do.
    private const long MostSeconds = 200L * 365 * 24 * 3600;

    public string Key { get; private set; } = "";

    public string? ETag { get; private set; }

    private JsonElement Value { get; set; } = Null;

    private string? ContentType { get; set; }

    private Dictionary<string, string> Metadata { get; set; } = [];

    private string? Concurrency { get; set; }

    private string? Consistency { get; set; }

    /// <summary>Reads one. What is missing or null is empty.</summary>
    /// <exception cref="ApiException">A member has another type than it must have; 400.</exception>
    public static StateRequest Read(JsonElement json)
    {
        var request = new StateRequest();
        if (json.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined)
        {
            return request;
        }

        foreach (var member in json.ValueKind == JsonValueKind.Object ? json.EnumerateObject() : throw GoMember.Mismatch(json, "a state item"))
        {
            if (GoMember.Is(member, "key"u8))
            {
                request.Key = GoMember.Text(member) ?? "";
            }
            else if (GoMember.Is(member, "value"u8))
            {
                request.Value = member.Value;
            }
            else if (GoMember.Is(member, "etag"u8))
            {
                request.ETag = GoMember.Text(member) is { Length: > 0 } etag ? etag : null;
            }
            else if (GoMember.Is(member, "contentType"u8))
            {
                request.ContentType = GoMember.Text(member);
            }
            else if (GoMember.Is(member, "metadata"u8))
            {
                request.Metadata = GoMember.Texts(member.Value);
            }
            else if (GoMember.Is(member, "options"u8) && member.Value.ValueKind != JsonValueKind.Null)
            {
                request.ReadOptions(member.Value);
            }
        }

        return request;
    }

    /// <param name="key">The key as stored.</param>
    /// <param name="query">The request's own metadata, which comes before the item's.</param>
    /// <exception cref="StateOptionException">An option or the TTL is not one of Dapr's.</exception>
    public StateOperation Upsert(string key, IReadOnlyDictionary<string, string> query) =>
        new(key, GoJson.Normalise(Value), ETag, FirstWrite(Concurrency, Consistency), Ttl(query));

    /// <param name="key">The key as stored.</param>
    public StateOperation Delete(string key) => new(key, null, ETag, Concurrency == "first-write");

    /// <summary>The event that the outbox makes of an upsert.</summary>
    public OutboxItem Event(string key, IReadOnlyDictionary<string, string> query)
    {
        var metadata = new Dictionary<string, string>(Metadata);
        foreach (var (name, value) in query)
        {
            metadata[name] = value;
        }

        return new(key, Value, metadata, ContentType);
    }

    /// <summary>Whether options ask for first-write concurrency.</summary>
    /// <exception cref="StateOptionException">One of them is not one of Dapr's.</exception>
    public static bool FirstWrite(string? concurrency, string? consistency) =>
        consistency is not (null or "" or "strong" or "eventual") ? throw new StateOptionException($"unrecognized consistency model '{consistency}'")
        : concurrency is null or "" or "last-write" ? false
        : concurrency == "first-write" ? true
        : throw new StateOptionException($"unrecognized concurrency model '{concurrency}'");

    private void ReadOptions(JsonElement options)
    {
        foreach (var option in options.ValueKind == JsonValueKind.Object ? options.EnumerateObject() : throw GoMember.Mismatch(options, "the field options"))
        {
            if (GoMember.Is(option, "concurrency"u8))
            {
                Concurrency = GoMember.Text(option);
            }
            else if (GoMember.Is(option, "consistency"u8))
            {
                Consistency = GoMember.Text(option);
            }
        }
    }

    private TimeSpan? Ttl(IReadOnlyDictionary<string, string> query)
    {
        var text = query.GetValueOrDefault("ttlInSeconds") ?? Metadata.GetValueOrDefault("ttlInSeconds");
        return string.IsNullOrEmpty(text) ? null
            : !long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var seconds) ? throw new StateOptionException($"ttlInSeconds: parsing \"{text}\": invalid syntax")
            : seconds > 0 ? TimeSpan.FromSeconds(Math.Min(seconds, MostSeconds))
            : null;
    }
}
