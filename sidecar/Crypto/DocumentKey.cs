using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Lavka.Sidecar.Crypto;

/// <summary>The key that one document is encrypted with, and what follows from it: the key of its header, the key of its segments (Dapr: the scheme <c>dapr.io/enc/v1</c>).</summary>
internal sealed class DocumentKey : IDisposable
{
    /// <summary>The length of a tag, by which an encrypted segment is longer.</summary>
    public const int TagSize = 16;

    /// <summary>The length of the random part of the nonces.</summary>
    public const int NoncePrefixSize = 7;

    private readonly byte[] _headerKey;
    private readonly AesGcm? _aes;
    private readonly ChaCha20Poly1305? _chaCha;

    /// <param name="secret">32 bytes.</param>
    /// <param name="noncePrefix">7 bytes.</param>
    /// <param name="isChaCha">Whether segments are encrypted by ChaCha20-Poly1305 rather than AES-GCM.</param>
    public DocumentKey(byte[] secret, byte[] noncePrefix, bool isChaCha)
    {
        (Secret, NoncePrefix) = (secret, noncePrefix);
        _headerKey = HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, 32, null, "header"u8.ToArray());
        var payloadKey = HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, 32, noncePrefix, "payload"u8.ToArray());
        _chaCha = isChaCha ? new(payloadKey) : null;
        _aes = isChaCha ? null : new(payloadKey, TagSize);
    }

    public byte[] Secret { get; }

    public byte[] NoncePrefix { get; }

    public static DocumentKey New(bool isChaCha) => new(RandomNumberGenerator.GetBytes(32), RandomNumberGenerator.GetBytes(NoncePrefixSize), isChaCha);

    /// <summary>The header's message authentication code.</summary>
    public byte[] Sign(ReadOnlySpan<byte> header) => HMACSHA256.HashData(_headerKey, header);

    public byte[] Encrypt(ReadOnlySequence<byte> segment, uint number, bool isLast)
    {
        var result = new byte[segment.Length + TagSize];
        var text = result.AsSpan(0, (int)segment.Length);
        segment.CopyTo(text);
        var tag = result.AsSpan(text.Length);
        var nonce = Nonce(number, isLast);
        _aes?.Encrypt(nonce, text, text, tag);
        _chaCha?.Encrypt(nonce, text, text, tag);
        return result;
    }

    /// <exception cref="CryptoException">It was not encrypted with this key, or is not what or where it was.</exception>
    public byte[] Decrypt(ReadOnlySequence<byte> segment, uint number, bool isLast)
    {
        var result = segment.ToArray();
        var length = result.Length - TagSize;
        try
        {
            var text = result.AsSpan(0, length);
            var tag = result.AsSpan(length);
            var nonce = Nonce(number, isLast);
            _aes?.Decrypt(nonce, text, tag, text);
            _chaCha?.Decrypt(nonce, text, tag, text);
            return result[..length];
        }
        catch (Exception e) when (e is CryptographicException or ArgumentOutOfRangeException)
        {
            throw new CryptoException("failed to decrypt segment");
        }
    }

    public void Dispose()
    {
        _aes?.Dispose();
        _chaCha?.Dispose();
    }

    private byte[] Nonce(uint number, bool isLast)
    {
        var nonce = new byte[12];
        NoncePrefix.CopyTo(nonce, 0);
        BinaryPrimitives.WriteUInt32BigEndian(nonce.AsSpan(NoncePrefixSize), number);
        nonce[^1] = isLast ? (byte)1 : (byte)0;
        return nonce;
    }
}
