using System.Diagnostics;
using System.IO.Pipelines;
using System.Security.Cryptography;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.Resiliency;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Crypto;

/// <summary>Dapr's cryptography, whoever asks for it (Dapr: reference/api/cryptography_api). What it cannot do is an <see cref="ApiException"/>.</summary>
internal sealed class Cryptography(Components components, ResiliencyPolicies policies, Telemetry telemetry)
{
    public ICryptoProvider Find(string name) =>
        components.CryptoProviders.IsEmpty ? throw ApiException.Plain(500, "ERR_CRYPTO_PROVIDERS_NOT_CONFIGURED", "crypto providers not configured")
        : name.Length == 0 ? throw Bad("missing component name")
        : components.CryptoProviders.TryGetValue(name, out var provider) ? provider
        : throw ApiException.Plain(400, "ERR_CRYPTO_PROVIDER_NOT_FOUND", $"crypto provider {name} not found");

    /// <summary>Encrypts a document with a component's key.</summary>
    /// <param name="name">The component.</param>
    /// <param name="options">How.</param>
    /// <param name="input">The plain text.</param>
    /// <param name="output">Gets the document piece by piece.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public Task Encrypt(string name, EncryptionOptions options, PipeReader input, Func<byte[], Task> output, CancellationToken cancellationToken)
    {
        var provider = Find(name);
        return Do(() => EncryptedDocument.Encrypt(input, options, (algorithm, secret) => Run(name, async token =>
            KeyWrap.Wrap(await Key(provider, options.KeyName, token), algorithm, secret), cancellationToken), output, cancellationToken));
    }

    /// <summary>Decrypts a document.</summary>
    /// <param name="name">The component.</param>
    /// <param name="keyName">Its key; empty: the one that the document names.</param>
    /// <param name="input">The document.</param>
    /// <param name="output">Gets the plain text piece by piece.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public Task Decrypt(string name, string keyName, PipeReader input, Func<byte[], Task> output, CancellationToken cancellationToken)
    {
        var provider = Find(name);
        return Do(() => EncryptedDocument.Decrypt(input, keyName, (named, algorithm, wrapped) => Run(name, async token =>
            KeyWrap.Unwrap(await Key(provider, named, token), algorithm, wrapped), cancellationToken), output, cancellationToken));
    }

    /// <summary>The request is not one.</summary>
    public static ApiException Bad(string problem) => ApiException.Plain(400, "ERR_BAD_REQUEST", $"invalid request: {problem}");

    /// <summary>The operation failed.</summary>
    public static ApiException Failed(string problem) => ApiException.Plain(500, "ERR_CRYPTO", $"failed to perform operation: {problem}");

    /// <summary>daprd does not offer its operations on single keys.</summary>
    public static ApiException NoSubtle() => ApiException.Plain(501, "ERR_API_UNIMPLEMENTED", "this API is currently not implemented");

    private static async Task Do(Func<Task> operation)
    {
        try
        {
            await operation();
        }
        catch (Exception e) when (e is CryptoException or CryptographicException or TimeoutException or CircuitBreakerException)
        {
            throw Failed(e.Message);
        }
    }

    private static async ValueTask<CryptoKey> Key(ICryptoProvider provider, string name, CancellationToken cancellationToken)
    {
        try
        {
            return await provider.GetKey(name, cancellationToken);
        }
        catch (CryptoException e)
        {
            throw new CryptoException($"failed to retrieve the key encryption key: {e.Message}");
        }
    }

    private async ValueTask<byte[]> Run(string name, Func<CancellationToken, ValueTask<byte[]>> call, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var succeeded = false;
        try
        {
            var result = await policies.Outbound(name, "Crypto").RunOrThrow(call, cancellationToken);
            succeeded = true;
            return result;
        }
        finally
        {
            telemetry.Metrics?.Component("crypto", name, "crypto_op", succeeded, Stopwatch.GetElapsedTime(started));
        }
    }
}
