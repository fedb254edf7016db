using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Lavka.Sidecar.Crypto;

/// <summary>A key: bytes, an RSA key, or one of a kind that nothing can be wrapped with (RFC 7517).</summary>
internal sealed record CryptoKey
{
    private static readonly JsonDocumentOptions Json = new() { AllowTrailingCommas = false };

    /// <summary>A symmetric key's bytes; null: it is another one.</summary>
    public byte[]? Secret { get; init; }

    /// <summary>An RSA key, private or public; null: it is another one.</summary>
    public RSAParameters? Rsa { get; init; }

    /// <summary>What it is for, <c>enc</c> or <c>sig</c>; null: not said.</summary>
    public string? Use { get; init; }

    /// <summary>What may be done with it; empty: not said.</summary>
    public IReadOnlyList<string> Operations { get; init; } = [];

    /// <summary>The only algorithm it may be used with; null: any.</summary>
    public string? Algorithm { get; init; }

    /// <summary>Reads a key's file: a JSON Web Key, PEM, or the bytes of a symmetric key, as they are or in base64.</summary>
    /// <param name="content">The file.</param>
    /// <param name="extension"><c>.json</c> and <c>.pem</c> say what it is; otherwise it looks like it.</param>
    /// <exception cref="CryptoException">It is none of them.</exception>
    public static CryptoKey Read(byte[] content, string extension)
    {
        if (content.Length == 0)
        {
            throw new CryptoException("key is empty");
        }

        var isJson = extension == ".json" || (extension != ".pem" && content[0] == '{' && content.Length is not (16 or 24 or 32));
        var isPem = extension == ".pem" || (extension != ".json" && content.Length > 10 && content.AsSpan().StartsWith("-----"u8));
        try
        {
            if (isJson)
            {
                using var json = JsonDocument.Parse(content, Json);
                return FromJwk(json.RootElement);
            }

            return isPem ? FromPem(Encoding.UTF8.GetString(content)) : new() { Secret = Bytes(content) };
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException or CryptographicException or ArgumentException)
        {
            throw new CryptoException($"failed to parse key: {e.Message}");
        }
    }

    /// <summary>Reads a JSON Web Key.</summary>
    /// <exception cref="FormatException">A part of it is not base64.</exception>
    /// <exception cref="InvalidOperationException">It is no object, or a part of it no text.</exception>
    public static CryptoKey FromJwk(JsonElement jwk)
    {
        var key = new CryptoKey
        {
            Use = Text(jwk, "use"),
            Algorithm = Text(jwk, "alg"),
            Operations = jwk.TryGetProperty("key_ops", out var operations) ? [.. operations.EnumerateArray().Select(operation => operation.GetString() ?? "")] : [],
        };
        return Text(jwk, "kty") switch
        {
            "oct" => key with { Secret = Part(jwk, "k") ?? throw new FormatException("k is missing") },
            "RSA" => key with
            {
                Rsa = new()
                {
                    Modulus = Part(jwk, "n"),
                    Exponent = Part(jwk, "e"),
                    D = Part(jwk, "d"),
                    P = Part(jwk, "p"),
                    Q = Part(jwk, "q"),
                    DP = Part(jwk, "dp"),
                    DQ = Part(jwk, "dq"),
                    InverseQ = Part(jwk, "qi"),
                },
            },
            "EC" or "OKP" => key,
            var kind => throw new FormatException($"kty is '{kind}'; allowed are oct, RSA, EC and OKP"),
        };
    }

    /// <summary>Whether the key's own words allow an operation.</summary>
    /// <param name="operation"><c>wrapKey</c> or <c>unwrapKey</c>.</param>
    public bool Allows(string operation) => (Operations.Count == 0 || Operations.Contains(operation)) && Use is null or "enc";

    private static CryptoKey FromPem(string pem)
    {
        var label = pem.AsSpan()[PemEncoding.Find(pem).Label];
        try
        {
            using var rsa = RSA.Create();
            rsa.ImportFromPem(pem);
            return new() { Rsa = rsa.ExportParameters(includePrivateParameters: label.EndsWith("PRIVATE KEY", StringComparison.Ordinal)) };
        }
        catch (Exception e) when (e is CryptographicException or ArgumentException && label.EndsWith(" KEY", StringComparison.Ordinal))
        {
            // A key, but of another kind.
            return new();
        }
    }

    private static string? Text(JsonElement jwk, string name) => jwk.TryGetProperty(name, out var value) ? value.GetString() : null;

    private static byte[]? Part(JsonElement jwk, string name) => Text(jwk, name) is { } text ? Base64Url.DecodeFromChars(text) : null;

    private static byte[] Bytes(byte[] content)
    {
        var text = Encoding.Latin1.GetString(content).TrimEnd('\n', '=');
        return Base64Url.IsValid(text.Replace('+', '-').Replace('/', '_')) && text.Length % 4 != 1
            && (text.AsSpan().IndexOfAny('+', '/') < 0 || text.AsSpan().IndexOfAny('-', '_') < 0) && !text.AsSpan().ContainsAny(" \t\r\n")
            ? Base64Url.DecodeFromChars(text.Replace('+', '-').Replace('/', '_'))
            : content;
    }
}
