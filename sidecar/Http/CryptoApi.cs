using System.Buffers;
using System.IO.Pipelines;
using Lavka.Sidecar.Crypto;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Http;

/// <summary><c>/v1.0-alpha1/crypto</c> (Dapr: reference/api/cryptography_api).</summary>
internal sealed class CryptoApi(Cryptography crypto)
{
    /// <summary>False when this is no crypto request.</summary>
    public async ValueTask<bool> TryHandle(ApiRequest request)
    {
        if (request.Segments is [_, "subtlecrypto", _, "getkey" or "encrypt" or "decrypt" or "wrapkey" or "unwrapkey" or "sign" or "verify"] && request.Method == "POST")
        {
            throw Cryptography.NoSubtle();
        }

        if (request.Method != "PUT" || request.Segments is not [_, "crypto", _, "encrypt" or "decrypt"])
        {
            return false;
        }

        var name = request.Segment(2);
        crypto.Find(name);
        var headers = request.Http.Request.Headers;
        var options = request.Segments[3] == "decrypt" ? null : new EncryptionOptions(Required("dapr-key-name"), Required("dapr-key-wrap-algorithm").ToUpperInvariant())
        {
            OmitKeyName = YamlNodes.IsTrue(headers["dapr-omit-decryption-key-name"].ToString()),
            DecryptionKeyName = headers["dapr-decryption-key-name"],
            Cipher = headers["dapr-data-encryption-cipher"].ToString().ToUpperInvariant(),
        };

        // Only whole answers: what fails half-way is an error, as in daprd.
        var input = PipeReader.Create(new ReadOnlySequence<byte>(await request.Body()));
        var answer = new ArrayBufferWriter<byte>();
        await (options is null
            ? crypto.Decrypt(name, headers["dapr-key-name"].ToString(), input, Write, request.Stop)
            : crypto.Encrypt(name, options, input, Write, request.Stop));
        request.Http.Response.ContentType = "application/octet-stream";
        request.Http.Response.ContentLength = answer.WrittenCount;
        await request.Http.Response.Body.WriteAsync(answer.WrittenMemory, request.Stop);
        return true;

        string Required(string header) => headers[header].ToString() is { Length: > 0 } value ? value : throw Cryptography.Bad($"missing header '{header}'");

        Task Write(byte[] part)
        {
            answer.Write(part);
            return Task.CompletedTask;
        }
    }
}
