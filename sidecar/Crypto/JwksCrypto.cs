using System.Text;
using System.Text.Json;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Crypto;

/// <summary>
/// <c>crypto.dapr.jwks</c> (Dapr: reference/components-reference/supported-cryptography/json-web-key-sets): a set of JSON Web Keys, in the resource itself, in a file, or at an address; a key's
/// name is its <c>kid</c>. What is read from a file or an address is read again after <c>minRefreshInterval</c>.
/// </summary>
internal sealed class JwksCrypto : ICryptoProvider
{
    private readonly string _source;
    private readonly string _path;
    private readonly bool _isAddress;
    private readonly TimeSpan _interval;
    private readonly TimeProvider _time;
    private readonly HttpClient _http;
    private readonly SemaphoreSlim _turn = new(1);
    private Dictionary<string, CryptoKey> _keys = [];
    private DateTimeOffset _next;

    public JwksCrypto(ComponentMetadata metadata, TimeProvider time)
    {
        _time = time;
        _source = metadata.Required("jwks");
        _path = metadata.InputPath(_source);
        _isAddress = _source.StartsWith("https://", StringComparison.Ordinal) || _source.StartsWith("http://", StringComparison.Ordinal);
        var (timeout, interval) = (metadata.Duration("requestTimeout", TimeSpan.Zero), metadata.Duration("minRefreshInterval", TimeSpan.Zero));
        _interval = interval >= TimeSpan.FromSeconds(1) ? interval : TimeSpan.FromMinutes(10);
        _http = new() { Timeout = timeout >= TimeSpan.FromMilliseconds(1) ? timeout : TimeSpan.FromSeconds(30) };
    }

    public IReadOnlyList<string> Capabilities { get; } = [];

    public async Task Start(CancellationToken stop) => await Refresh(stop);

    public async ValueTask<CryptoKey> GetKey(string name, CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            if (_time.GetUtcNow() >= _next)
            {
                await Refresh(cancellationToken);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or HttpRequestException or FormatException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            // The keys that are there stay good; the next caller tries again.
        }
        finally
        {
            _turn.Release();
        }

        return _keys.GetValueOrDefault(name) ?? throw new CryptoException("key not found");
    }

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        _turn.Dispose();
        return default;
    }

    private async Task Refresh(CancellationToken cancellationToken)
    {
        var isFile = !_isAddress && File.Exists(_path);
        _keys = Parse(_isAddress ? await _http.GetByteArrayAsync(_source, cancellationToken)
            : isFile ? await File.ReadAllBytesAsync(_path, cancellationToken)
            : Inline());
        _next = _isAddress ? _time.GetUtcNow() + _interval : isFile ? _time.GetUtcNow() : DateTimeOffset.MaxValue;
    }

    private byte[] Inline()
    {
        var padded = _source.TrimEnd('=').PadRight((_source.TrimEnd('=').Length + 3) / 4 * 4, '=');
        return Convert.TryFromBase64String(padded, new byte[padded.Length], out _) ? Convert.FromBase64String(padded) : Encoding.UTF8.GetBytes(_source);
    }

    private static Dictionary<string, CryptoKey> Parse(byte[] json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return document.RootElement.GetProperty("keys").EnumerateArray().Where(key => key.TryGetProperty("kid", out _))
                .ToDictionary(key => key.GetProperty("kid").GetString()!, CryptoKey.FromJwk);
        }
        catch (Exception e) when (e is JsonException or FormatException or InvalidOperationException or KeyNotFoundException or ArgumentException)
        {
            throw new FormatException($"jwks is neither an address, nor a file, nor a set of JSON Web Keys: {e.Message}");
        }
    }
}
