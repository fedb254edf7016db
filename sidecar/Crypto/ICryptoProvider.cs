namespace Lavka.Sidecar.Crypto;

/// <summary>A crypto component: it has keys, and Dapr does with them what it is asked for (Dapr: reference/components-reference/supported-cryptography).</summary>
internal interface ICryptoProvider : IComponent
{
    /// <summary>A key by its name.</summary>
    /// <exception cref="CryptoException">There is none, or it does not read.</exception>
    ValueTask<CryptoKey> GetKey(string name, CancellationToken cancellationToken);
}

/// <summary>Something cannot be encrypted or decrypted; the message goes to the caller.</summary>
internal sealed class CryptoException(string message) : Exception(message);
