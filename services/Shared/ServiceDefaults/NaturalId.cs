using System.Security.Cryptography;
using System.Text;

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

    /// <summary>409: the key belongs to another request.</summary>
    public static RequestException KeyUsed(string? idempotencyKey) => RequestException.Conflict($"The Idempotency-Key '{idempotencyKey}' has been used for another request.");
}
