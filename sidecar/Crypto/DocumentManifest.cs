using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Lavka.Sidecar.Crypto;

/// <summary>What an encrypted document says about itself, in the second line of its header.</summary>
/// <param name="KeyName">The key that unwraps the document's; null: whoever decrypts has to know.</param>
/// <param name="Algorithm">How the document's key is wrapped.</param>
/// <param name="WrappedKey">The document's key.</param>
/// <param name="IsChaCha">Whether its segments are encrypted by ChaCha20-Poly1305 rather than AES-GCM.</param>
/// <param name="NoncePrefix">The random part of the nonces.</param>
internal sealed record DocumentManifest(string? KeyName, string Algorithm, byte[] WrappedKey, bool IsChaCha, byte[] NoncePrefix)
{
    // By their numbers, from 1.
    private static readonly string[] Algorithms = ["A256KW", "A128CBC-NOPAD", "A192CBC-NOPAD", "A256CBC-NOPAD", "RSA-OAEP-256"];

    /// <summary>An algorithm by its name or Dapr's short name for it.</summary>
    /// <exception cref="CryptoException">There is none.</exception>
    public static string AlgorithmOf(string name) => name switch
    {
        "AES" => "A256KW",
        "RSA" => "RSA-OAEP-256",
        _ => Array.IndexOf(Algorithms, name) >= 0 ? name : throw new CryptoException($"option Algorithm is not valid: algorithm {name} is not supported"),
    };

    /// <summary>Whether a cipher is ChaCha20-Poly1305; no name is AES-GCM.</summary>
    /// <exception cref="CryptoException">It is neither.</exception>
    public static bool IsChaChaName(string? cipher) => cipher switch
    {
        null or "" or "AES-GCM" => false,
        "CHACHA20-POLY1305" => true,
        _ => throw new CryptoException($"option Cipher is not valid: cipher {cipher} is not supported"),
    };

    /// <exception cref="CryptoException">It is no manifest.</exception>
    public static DocumentManifest Parse(ReadOnlyMemory<byte> line)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            var root = json.RootElement;
            var manifest = new DocumentManifest(
                root.TryGetProperty("k", out var name) ? name.GetString() : null,
                Algorithms[root.GetProperty("kw").GetInt32() - 1],
                root.GetProperty("wfk").GetBytesFromBase64(),
                root.GetProperty("cph").GetInt32() switch { 1 => false, 2 => true, _ => throw new FormatException("cph") },
                root.GetProperty("np").GetBytesFromBase64());
            return manifest.WrappedKey.Length > 0 && manifest.NoncePrefix.Length == DocumentKey.NoncePrefixSize ? manifest : throw new FormatException("np");
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException or KeyNotFoundException or IndexOutOfRangeException)
        {
            // No more than that: it may be from someone who wants to find out.
            throw new CryptoException("invalid header: invalid manifest");
        }
    }

    public byte[] ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        using var json = new Utf8JsonWriter(buffer, new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
        json.WriteStartObject();
        if (!string.IsNullOrEmpty(KeyName))
        {
            json.WriteString("k"u8, KeyName);
        }

        json.WriteNumber("kw"u8, Array.IndexOf(Algorithms, Algorithm) + 1);
        json.WriteBase64String("wfk"u8, WrappedKey);
        json.WriteNumber("cph"u8, IsChaCha ? 2 : 1);
        json.WriteBase64String("np"u8, NoncePrefix);
        json.WriteEndObject();
        json.Flush();
        return buffer.WrittenSpan.ToArray();
    }
}
