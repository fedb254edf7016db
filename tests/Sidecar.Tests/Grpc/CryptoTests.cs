using System.Security.Cryptography;
using System.Text;
using Dapr.Client;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Net.Client;
using Lavka.Sidecar.Testing;
using Lavka.Testing;

namespace Lavka.Sidecar.Tests.Grpc;

#pragma warning disable DAPR_CRYPTOGRAPHY // As Dapr calls its API for cryptography: not stable.

/// <summary>Documents that Dapr's own .NET client encrypts and decrypts: by gRPC.</summary>
public sealed class CryptoTests
{
    private static readonly string Rsa = NewRsa();

    [Theory]
    [InlineData("rsa.pem", 5)]
    [InlineData("bytes", 65536)]
    [InlineData("jwk.json", 200_000)]
    public async Task A_document_comes_back_as_it_was(string key, int length)
    {
        using var keys = Keys();
        await using var sidecar = await Start(keys);
        using var dapr = OverGrpc.Client(sidecar);
        var text = RandomNumberGenerator.GetBytes(length);

        var document = await dapr.EncryptAsync("crypto", text, key, new(key == "rsa.pem" ? KeyWrapAlgorithm.Rsa : KeyWrapAlgorithm.Aes));
        var decrypted = await dapr.DecryptAsync("crypto", document, key);

        Assert.StartsWith("dapr.io/enc/v1\n{", Encoding.UTF8.GetString(document.Span), StringComparison.Ordinal);
        Assert.Equal(text, decrypted.ToArray());
    }

    [Fact]
    public async Task A_document_of_HTTP_is_one_of_gRPC()
    {
        using var keys = Keys();
        await using var sidecar = await Start(keys);
        using var dapr = OverGrpc.Client(sidecar);
        using var request = new HttpRequestMessage(HttpMethod.Put, "/v1.0-alpha1/crypto/crypto/encrypt") { Content = new StringContent("hello") };
        request.Headers.Add("dapr-key-name", "bytes");
        request.Headers.Add("dapr-key-wrap-algorithm", "aes");
        request.Headers.Add("dapr-data-encryption-cipher", "chacha20-poly1305");

        using var response = await sidecar.Http.SendAsync(request);
        var decrypted = await dapr.DecryptAsync("crypto", await response.Content.ReadAsByteArrayAsync(), "bytes");

        Assert.Equal("hello", Encoding.UTF8.GetString(decrypted.Span));
    }

    [Fact]
    public async Task A_document_that_was_changed_is_refused()
    {
        using var keys = Keys();
        await using var sidecar = await Start(keys);
        using var dapr = OverGrpc.Client(sidecar);
        var document = (await dapr.EncryptAsync("crypto", "hello"u8.ToArray(), "bytes", new(KeyWrapAlgorithm.Aes))).ToArray();
        document[^1] ^= 1;

        var error = await Refused(sidecar, client => client.DecryptAlpha1(), new() { Options = new() { ComponentName = "crypto", KeyName = "bytes" }, Payload = new() { Data = ByteString.CopyFrom(document) } });

        Assert.Equal((StatusCode.Internal, "failed to perform operation: error processing segment 0: failed to decrypt segment"), error);
    }

    [Theory]
    [InlineData("none", "A256KW", "failed to wrap the file key: failed to retrieve the key encryption key: failed to load key 'none': open $KEYS/none: no such file or directory")]
    [InlineData("rsa.pem", "A256KW", "failed to wrap the file key: failed to encrypt data: key type mismatch")]
    [InlineData("bytes", "A256CBC-NOPAD", "failed to wrap the file key: failed to encrypt data: unsupported algorithm")]
    [InlineData("bytes", "ROT13", "option Algorithm is not valid: algorithm ROT13 is not supported")]
    [InlineData("only-sign.json", "A256KW", "failed to wrap the file key: key cannot perform the 'wrapKey' operation")]
    public async Task A_key_that_will_not_do_is_named(string key, string algorithm, string problem)
    {
        using var keys = Keys();
        await using var sidecar = await Start(keys);

        var error = await Refused(sidecar, client => client.EncryptAlpha1(), new() { Options = new() { ComponentName = "crypto", KeyName = key, KeyWrapAlgorithm = algorithm } });

        Assert.Equal((StatusCode.Internal, "failed to perform operation: " + problem.Replace("$KEYS", keys.Path, StringComparison.Ordinal)), error);
    }

    [Fact]
    public async Task A_set_of_keys_in_the_resource_will_do()
    {
        var set = $$"""{"keys":[{"kty":"oct","kid":"one","k":"{{Convert.ToBase64String(new byte[32]).TrimEnd('=')}}"}]}""";
        await using var sidecar = await EmbeddedSidecar.StartAsync(new() { Resources = [TestApp.Component("crypto", "crypto.dapr.jwks", ("jwks", set))] });
        using var dapr = OverGrpc.Client(sidecar);

        var document = await dapr.EncryptAsync("crypto", "hello"u8.ToArray(), "one", new(KeyWrapAlgorithm.Aes));

        Assert.Equal("hello", Encoding.UTF8.GetString((await dapr.DecryptAsync("crypto", document, "one")).Span));
        var missing = await Refused(sidecar, client => client.EncryptAlpha1(), new() { Options = new() { ComponentName = "crypto", KeyName = "two", KeyWrapAlgorithm = "AES" } });
        Assert.EndsWith("key not found", missing.Problem, StringComparison.Ordinal);
    }

    // The client keeps errors to itself, so this asks by the calls alone.
    private static async Task<(StatusCode Code, string Problem)> Refused<TRequest, TResponse>(
        EmbeddedSidecar sidecar, Func<global::Dapr.Client.Autogen.Grpc.v1.Dapr.DaprClient, AsyncDuplexStreamingCall<TRequest, TResponse>> open, TRequest request)
    {
        using var channel = GrpcChannel.ForAddress(sidecar.GrpcEndpoint);
        using var call = open(new(channel));
        await call.RequestStream.WriteAsync(request);
        await call.RequestStream.CompleteAsync();
        var error = await OverGrpc.Refused(async () =>
        {
            while (await call.ResponseStream.MoveNext(default))
            {
            }
        });
        return (error.StatusCode, error.Status.Detail);
    }

    private static Task<EmbeddedSidecar> Start(TempFolder keys) => EmbeddedSidecar.StartAsync(new() { Resources = [TestApp.Component("crypto", "crypto.dapr.localstorage", ("path", keys.Path))] });

    private static string NewRsa()
    {
        using var rsa = RSA.Create(2048);
        return rsa.ExportPkcs8PrivateKeyPem();
    }

    private static TempFolder Keys()
    {
        var folder = new TempFolder();
        folder.Write("rsa.pem", Rsa);
        folder.Write("bytes", Convert.ToBase64String(RandomNumberGenerator.GetBytes(32)));
        folder.Write("jwk.json", $$"""{"kty":"oct","k":"{{Convert.ToBase64String(new byte[32]).TrimEnd('=')}}"}""");
        folder.Write("only-sign.json", $$"""{"kty":"oct","use":"sig","k":"{{Convert.ToBase64String(new byte[32]).TrimEnd('=')}}"}""");
        return folder;
    }
}
