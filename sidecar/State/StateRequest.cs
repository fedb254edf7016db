namespace Lavka.Sidecar.State;

/// <summary>An option of a state operation that there is not.</summary>
internal sealed class StateOptionException(string message) : Exception(message);

/// <summary>What a caller asks for one key: an item to save or to delete, or an operation of a transaction (Dapr: reference/api/state_api).</summary>
internal sealed record StateRequest
{
    // A date ends before Go's durations do.
    private const long MostSeconds = 200L * 365 * 24 * 3600;

    /// <summary>The key as the caller knows it.</summary>
    public string Key { get; set; } = "";

    /// <summary>What to save.</summary>
    public byte[] Value { get; set; } = [];

    /// <summary>Whether the value is a caller's bytes as they stand, and not JSON that was read and written again.</summary>
    public bool IsBinary { get; init; }

    /// <summary>What the item must have; null: whatever it has.</summary>
    public string? ETag { get; set; }

    /// <summary>The value's content type, or null; the outbox goes by it.</summary>
    public string? ContentType { get; set; }

    /// <summary>The item's own metadata.</summary>
    public Dictionary<string, string> Metadata { get; set; } = [];

    /// <summary><c>first-write</c>, <c>last-write</c>, or nothing.</summary>
    public string? Concurrency { get; set; }

    /// <summary><c>strong</c>, <c>eventual</c>, or nothing.</summary>
    public string? Consistency { get; set; }

    /// <param name="key">The key as stored.</param>
    /// <param name="request">The metadata of the request as a whole, which comes before the item's.</param>
    /// <param name="store">Where it is to be saved.</param>
    /// <exception cref="StateOptionException">An option is not one of Dapr's.</exception>
    /// <exception cref="FormatException">Nor is the TTL.</exception>
    public StateOperation Upsert(string key, IReadOnlyDictionary<string, string> request, IStateStore store)
    {
        var change = new StateOperation(key, Value, ETag, FirstWrite());
        var ttl = request.GetValueOrDefault("ttlInSeconds") ?? Metadata.GetValueOrDefault("ttlInSeconds");
        return string.IsNullOrEmpty(ttl) ? change
            : store.TtlSeconds(ttl) is > 0 and var seconds ? change with { Ttl = TimeSpan.FromSeconds(Math.Min(seconds, MostSeconds)) }
            : change with { Persist = true };
    }

    /// <param name="key">The key as stored.</param>
    public StateOperation Delete(string key) => new(key, null, ETag, Concurrency == "first-write");

    /// <summary>Whether the options ask for first-write concurrency.</summary>
    /// <exception cref="StateOptionException">One of them is not one of Dapr's.</exception>
    public bool FirstWrite() =>
        Consistency is not (null or "" or "strong" or "eventual") ? throw new StateOptionException($"unrecognized consistency model '{Consistency}'")
        : Concurrency is null or "" or "last-write" ? false
        : Concurrency == "first-write" ? true
        : throw new StateOptionException($"unrecognized concurrency model '{Concurrency}'");
}
