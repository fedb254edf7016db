using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Lavka.ServiceDefaults;

/// <summary>Ids for what is made by a request. With an <c>Idempotency-Key</c> the same request makes the same id, so that a repeat finds what the first one made.</summary>
public static class NaturalId
{
    private const int LongestKey = 255;

    /// <summary>The id that these texts always make.</summary>
    public static string From(params ReadOnlySpan<string> texts) => new Guid(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', texts))).AsSpan(0, 16)).ToString();

    /// <summary>A new id; with an idempotency key the one that belongs to it.</summary>
    /// <param name="scope">Whose key it is, and for what: the same key means nothing elsewhere.</param>
    /// <exception cref="RequestException">400: the key is too long.</exception>
    public static string ForRequest(string scope, string? idempotencyKey) => string.IsNullOrEmpty(idempotencyKey) ? Guid.CreateVersion7().ToString()
        : idempotencyKey.Length <= LongestKey ? From(scope, idempotencyKey)
        : throw RequestException.Bad($"The Idempotency-Key has {idempotencyKey.Length} characters; allowed are {LongestKey}.");

    /// <summary>What tells a request with an idempotency key apart from others, to be kept with what it makes; null: it has no key.</summary>
    /// <param name="request">All that the client wants; nothing secret.</param>
    public static string? HashOf<T>(string? idempotencyKey, T request) =>
        string.IsNullOrEmpty(idempotencyKey) ? null : Convert.ToBase64String(SHA256.HashData(JsonSerializer.SerializeToUtf8Bytes(request)).AsSpan(0, 18));

    /// <summary>Whether what is there already was made by this very request.</summary>
    /// <param name="kept">The hash that was kept with it; null: it was made before hashes were kept.</param>
    /// <exception cref="RequestException">409: by another one, with the same key.</exception>
    public static void CheckSame(string? kept, string? hash, string? idempotencyKey)
    {
        if (kept is not null && kept != hash)
        {
            throw KeyUsed(idempotencyKey);
        }
    }

    /// <summary>409: the key belongs to another request.</summary>
    public static RequestException KeyUsed(string? idempotencyKey) => RequestException.Conflict($"The Idempotency-Key '{idempotencyKey}' has been used for another request.");
}
