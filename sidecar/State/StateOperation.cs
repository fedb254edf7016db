namespace Lavka.Sidecar.State;

/// <summary>What a store holds for a key.</summary>
/// <param name="Value">The JSON as it was saved, UTF-8.</param>
/// <param name="ETag">Changes with every save; empty: it was saved without one.</param>
/// <param name="Expires">When a TTL ends it, if it has one.</param>
internal sealed record StateItem(byte[] Value, string ETag, DateTimeOffset? Expires);

/// <summary>One change of a state request or transaction (Dapr: reference/api/state_api).</summary>
/// <param name="Key">The key as stored, prefix included.</param>
/// <param name="Value">The JSON to save, UTF-8; null deletes the key.</param>
/// <param name="ETag">The change happens only if the item still has this ETag; null: whatever it has.</param>
/// <param name="FirstWrite">Without an ETag, the change happens only if there is no such item.</param>
/// <param name="Ttl">How long the item lives; null: for good.</param>
/// <param name="Persist">Whether it was said in so many words that it lives for good (<c>ttlInSeconds: -1</c>), where a store has another default.</param>
internal sealed record StateOperation(string Key, byte[]? Value, string? ETag = null, bool FirstWrite = false, TimeSpan? Ttl = null, bool Persist = false);

/// <summary>An ETag that no item of this store can have (HTTP 400).</summary>
internal sealed class InvalidETagException(string inner) : Exception($"invalid etag value: {inner}");

/// <summary>Somebody else changed the item first (HTTP 409 from a plain save or delete).</summary>
internal sealed class ETagMismatchException(string? inner) : Exception(
    inner is null ? "possible etag mismatch. error from state store" : $"possible etag mismatch. error from state store: {inner}");
