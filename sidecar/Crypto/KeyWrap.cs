using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Lavka.Sidecar.Crypto;

/// <summary>Wraps a document's key with a component's key: <c>A256KW</c> (RFC 3394) and <c>RSA-OAEP-256</c> (RFC 8017), the two that work in Dapr.</summary>
internal static class KeyWrap
{
    private const int Block = 8;

    private static ReadOnlySpan<byte> Initial => [0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6, 0xA6];

    /// <exception cref="CryptoException">The key is not one for the algorithm.</exception>
    public static byte[] Wrap(CryptoKey key, string algorithm, byte[] secret)
    {
        Check(key, algorithm, "wrapKey");
        switch (algorithm)
        {
            case "A256KW" when key.Secret is { Length: 32 } kek:
                return Wrap(kek, secret);
            case "RSA-OAEP-256" when key.Rsa is { } parameters:
                using (var rsa = RSA.Create(parameters))
                {
                    return rsa.Encrypt(secret, RSAEncryptionPadding.OaepSHA256);
                }

            default:
                throw Unusable(algorithm, "encrypt");
        }
    }

    /// <exception cref="CryptoException">The key is not one for the algorithm, or not the one it was wrapped with.</exception>
    public static byte[] Unwrap(CryptoKey key, string algorithm, byte[] wrapped)
    {
        Check(key, algorithm, "unwrapKey");
        switch (algorithm)
        {
            case "A256KW" when key.Secret is { Length: 32 } kek:
                return Unwrap(kek, wrapped);
            case "RSA-OAEP-256" when key.Rsa is { D: not null } parameters:
                using (var rsa = RSA.Create(parameters))
                {
                    return rsa.Decrypt(wrapped, RSAEncryptionPadding.OaepSHA256);
                }

            default:
                throw Unusable(algorithm, "decrypt");
        }
    }

    private static void Check(CryptoKey key, string algorithm, string operation)
    {
        if (!key.Allows(operation))
        {
            throw new CryptoException($"key cannot perform the '{operation}' operation");
        }

        if (key.Algorithm is { Length: > 0 } only && only != algorithm)
        {
            throw new CryptoException($"key cannot be used with algorithm '{algorithm}'");
        }
    }

    // The manifest knows more algorithms than daprd's components can do.
    private static CryptoException Unusable(string algorithm, string what) =>
        new($"failed to {what} data: {(algorithm is "A256KW" or "RSA-OAEP-256" ? "key type mismatch" : "unsupported algorithm")}");

    private static byte[] Wrap(byte[] kek, byte[] secret)
    {
        using var aes = Aes.Create();
        aes.Key = kek;
        var result = new byte[secret.Length + Block];
        Initial.CopyTo(result);
        secret.CopyTo(result.AsSpan(Block));
        var count = secret.Length / Block;
        Span<byte> block = stackalloc byte[2 * Block];
        for (var step = 0; step < 6 * count; step++)
        {
            var part = result.AsSpan(Block + (step % count * Block), Block);
            result.AsSpan(0, Block).CopyTo(block);
            part.CopyTo(block[Block..]);
            aes.EncryptEcb(block, block, PaddingMode.None);
            BinaryPrimitives.WriteUInt64BigEndian(result, BinaryPrimitives.ReadUInt64BigEndian(block) ^ (ulong)(step + 1));
            block[Block..].CopyTo(part);
        }

        return result;
    }

    private static byte[] Unwrap(byte[] kek, byte[] wrapped)
    {
        if (wrapped.Length < 3 * Block || wrapped.Length % Block != 0)
        {
            throw new CryptoException("invalid ciphertext length");
        }

        using var aes = Aes.Create();
        aes.Key = kek;
        var result = wrapped.ToArray();
        var count = (wrapped.Length / Block) - 1;
        Span<byte> block = stackalloc byte[2 * Block];
        for (var step = (6 * count) - 1; step >= 0; step--)
        {
            var part = result.AsSpan(Block + (step % count * Block), Block);
            BinaryPrimitives.WriteUInt64BigEndian(block, BinaryPrimitives.ReadUInt64BigEndian(result) ^ (ulong)(step + 1));
            part.CopyTo(block[Block..]);
            aes.DecryptEcb(block, block, PaddingMode.None);
            block[..Block].CopyTo(result);
            block[Block..].CopyTo(part);
        }

        return CryptographicOperations.FixedTimeEquals(result.AsSpan(0, Block), Initial) ? result[Block..] : throw new CryptoException("the key does not fit");
    }
}
