using System.Buffers;
using System.Buffers.Text;
using System.IO.Pipelines;
using System.Security.Cryptography;

namespace Lavka.Sidecar.Crypto;

/// <summary>How a document is to be encrypted.</summary>
/// <param name="KeyName">The component's key that wraps the document's.</param>
/// <param name="Algorithm">How it is wrapped, for example <c>RSA</c>.</param>
internal sealed record EncryptionOptions(string KeyName, string Algorithm)
{
    /// <summary>Whether the document does not tell which key decrypts it.</summary>
    public bool OmitKeyName { get; init; }

    /// <summary>The key that decrypts it, where its name is another one; null or empty: <see cref="KeyName"/>.</summary>
    public string? DecryptionKeyName { get; init; }

    /// <summary>How its segments are encrypted; null or empty: AES-GCM.</summary>
    public string? Cipher { get; init; }
}

/// <summary>
/// Documents as Dapr encrypts them, the scheme <c>dapr.io/enc/v1</c> (Dapr: developing-applications/building-blocks/cryptography): a header of three lines, the scheme's name, a manifest and
/// the code that authenticates them; then segments of 64 KiB, each encrypted and authenticated with its number and whether it is the last.
/// </summary>
internal static class EncryptedDocument
{
    private const int SegmentSize = 64 * 1024;

    private static ReadOnlySpan<byte> Scheme => "dapr.io/enc/v1"u8;

    /// <param name="input">The plain text.</param>
    /// <param name="options">How to encrypt it.</param>
    /// <param name="wrap">Wraps the document's key: gets the algorithm and the key.</param>
    /// <param name="output">Gets the header, then each segment.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="CryptoException">It cannot be done.</exception>
    public static async Task Encrypt(
        PipeReader input, EncryptionOptions options, Func<string, byte[], ValueTask<byte[]>> wrap, Func<byte[], Task> output, CancellationToken cancellationToken)
    {
        var algorithm = DocumentManifest.AlgorithmOf(options.Algorithm);
        using var key = DocumentKey.New(DocumentManifest.IsChaChaName(options.Cipher));
        byte[] wrapped;
        try
        {
            wrapped = await wrap(algorithm, key.Secret);
        }
        catch (CryptoException e)
        {
            throw new CryptoException($"failed to wrap the file key: {e.Message}");
        }

        var name = options.OmitKeyName ? null : string.IsNullOrEmpty(options.DecryptionKeyName) ? options.KeyName : options.DecryptionKeyName;
        var manifest = new DocumentManifest(name, algorithm, wrapped, DocumentManifest.IsChaChaName(options.Cipher), key.NoncePrefix);
        await output(Header(manifest.ToJson(), key));
        await Segments(input, SegmentSize, key.Encrypt, output, cancellationToken);
    }

    /// <param name="input">The document.</param>
    /// <param name="keyName">The component's key; null or empty: the one that the document names.</param>
    /// <param name="unwrap">Unwraps the document's key: gets the key's name, the algorithm and the wrapped key.</param>
    /// <param name="output">Gets each segment.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="CryptoException">It cannot be done.</exception>
    public static async Task Decrypt(
        PipeReader input, string? keyName, Func<string, string, byte[], ValueTask<byte[]>> unwrap, Func<byte[], Task> output, CancellationToken cancellationToken)
    {
        var (line, mac) = await ReadHeader(input, cancellationToken);
        var manifest = DocumentManifest.Parse(line);
        var name = !string.IsNullOrEmpty(keyName) ? keyName : manifest.KeyName;
        if (string.IsNullOrEmpty(name))
        {
            throw new CryptoException("document's manifest does not contain a key name, and no key name was provided");
        }

        var secret = new byte[32];
        try
        {
            secret = await unwrap(name, manifest.Algorithm, manifest.WrappedKey) is { Length: 32 } unwrapped ? unwrapped : secret;
        }
        catch (Exception e) when (e is CryptoException or CryptographicException)
        {
            // Nobody is to learn from the answer which keys there are: the signature of the header will be wrong.
        }

        using var key = new DocumentKey(secret, manifest.NoncePrefix, manifest.IsChaCha);
        if (!CryptographicOperations.FixedTimeEquals(key.Sign(Message(line)), mac))
        {
            throw new CryptoException("failed to validate the document's signature");
        }

        await Segments(input, SegmentSize + DocumentKey.TagSize, key.Decrypt, output, cancellationToken);
    }

    private static byte[] Message(byte[] manifest) => [.. Scheme, (byte)'\n', .. manifest, (byte)'\n'];

    private static byte[] Header(byte[] manifest, DocumentKey key)
    {
        var message = Message(manifest);
        byte[] header = [.. message, .. System.Text.Encoding.ASCII.GetBytes(Convert.ToBase64String(key.Sign(message))), (byte)'\n'];
        return header.Length <= SegmentSize ? header : throw new CryptoException("failed to sign header: header is too long");
    }

    private static async Task Segments(PipeReader input, int size, Func<ReadOnlySequence<byte>, uint, bool, byte[]> process, Func<byte[], Task> output, CancellationToken cancellationToken)
    {
        for (var number = 0u; ; number++)
        {
            // One byte more than a segment tells whether it is the last.
            var read = await input.ReadAtLeastAsync(size + 1, cancellationToken);
            if (read.Buffer.IsEmpty)
            {
                return;
            }

            var isLast = read.Buffer.Length <= size;
            var segment = isLast ? read.Buffer : read.Buffer.Slice(0, size);
            byte[] result;
            try
            {
                result = process(segment, number, isLast);
            }
            catch (CryptoException e)
            {
                throw new CryptoException($"error processing segment {number}: {e.Message}");
            }

            input.AdvanceTo(segment.End);
            await output(result);
            if (isLast)
            {
                return;
            }

            if (number == uint.MaxValue)
            {
                throw new CryptoException("input stream is too large");
            }
        }
    }

    private static async Task<(byte[] Manifest, byte[] Mac)> ReadHeader(PipeReader input, CancellationToken cancellationToken)
    {
        while (true)
        {
            var read = await input.ReadAsync(cancellationToken);
            var lines = Lines(read.Buffer, out var end);
            if (lines.Count == 3)
            {
                input.AdvanceTo(end);
                return Base64.IsValid(lines[2]) ? (lines[1], Convert.FromBase64String(System.Text.Encoding.ASCII.GetString(lines[2]))) : throw new CryptoException("failed to decode header's signature");
            }

            if (read.IsCompleted || read.Buffer.Length >= SegmentSize)
            {
                throw new CryptoException($"invalid header: {(lines.Count switch { 0 => "scheme name", 1 => "manifest", _ => "message authentication code" })} not found");
            }

            input.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    private static List<byte[]> Lines(ReadOnlySequence<byte> buffer, out SequencePosition end)
    {
        var lines = new List<byte[]>(3);
        var reader = new SequenceReader<byte>(buffer);
        while (lines.Count < 3 && reader.TryReadTo(out ReadOnlySequence<byte> line, (byte)'\n'))
        {
            if (line.IsEmpty)
            {
                throw new CryptoException("invalid header: invalid format");
            }

            lines.Add(line.ToArray());
            if (!lines[0].AsSpan().SequenceEqual(Scheme))
            {
                throw new CryptoException("invalid header: unsupported scheme");
            }
        }

        end = reader.Position;
        return lines;
    }
}
