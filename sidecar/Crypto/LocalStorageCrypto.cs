using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Crypto;

/// <summary>
/// <c>crypto.dapr.localstorage</c> (Dapr: reference/components-reference/supported-cryptography/local-storage): the keys are files in the folder <c>path</c>, a key's name is its file's.
/// </summary>
internal sealed class LocalStorageCrypto : ICryptoProvider
{
    private readonly string _path;

    public LocalStorageCrypto(ComponentMetadata metadata)
    {
        _path = metadata.InputPath(metadata.Required("path"));
        if (!Directory.Exists(_path))
        {
            throw metadata.Invalid("path", "a folder that is there");
        }
    }

    public IReadOnlyList<string> Capabilities { get; } = [];

    public async ValueTask<CryptoKey> GetKey(string name, CancellationToken cancellationToken)
    {
        if (name.Contains("..", StringComparison.Ordinal))
        {
            throw new CryptoException("invalid key path: cannot contain '..'");
        }

        var path = $"{_path.TrimEnd('/')}/{name.TrimStart('/')}";
        try
        {
            return CryptoKey.Read(await File.ReadAllBytesAsync(path, cancellationToken), Path.GetExtension(path).ToLowerInvariant());
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CryptoException($"failed to load key '{name}': open {path}: no such file or directory");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CryptoException($"failed to load key '{name}': {e.Message}");
        }
        catch (CryptoException e)
        {
            throw new CryptoException($"failed to parse key from secret: {e.Message}");
        }
    }

    public ValueTask DisposeAsync() => default;
}
