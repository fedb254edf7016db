using System.Net.Http.Headers;
using System.Security.Cryptography.X509Certificates;
using Lavka.Sidecar.Go;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Bindings;

/// <summary><c>bindings.http</c> (Dapr: reference/components-reference/supported-bindings/http): a request to one address, with the operation as the method.</summary>
internal sealed class HttpBinding : IOutputBinding
{
    private const string JsonType = "application/json; charset=utf-8";

    private readonly string _url;
    private readonly bool _failOnStatus;
    private readonly long _maxResponseSize;
    private readonly (string Name, string Value)? _token;
    private readonly HttpClient _http;

    public HttpBinding(ComponentMetadata metadata)
    {
        _url = metadata.Required("url");
        _failOnStatus = metadata.Flag("errorIfNot2XX", otherwise: true);
        var timeout = metadata.Duration("responseTimeout", TimeSpan.Zero);
        try
        {
            _maxResponseSize = ByteSize.Parse(metadata.Get("maxResponseBodySize", "100Mi"));
        }
        catch (FormatException)
        {
            throw metadata.Invalid("maxResponseBodySize", "a size such as 100Mi");
        }

        var (token, header, key) = (metadata.Find("securityToken"), metadata.Find("securityTokenHeader"), metadata.Find("MTLSClientKey"));
        _token = token is not null && header is not null ? (header, token) : null;
        var handler = new SocketsHttpHandler { MaxAutomaticRedirections = GoTransport.MaxRedirects, UseCookies = false, ActivityHeadersPropagator = null, ConnectTimeout = TimeSpan.FromSeconds(15) };
        if (metadata.Find("MTLSRootCA") is { } root)
        {
            var roots = new X509Certificate2Collection();
            roots.ImportFromPem(Pem(root));
            handler.SslOptions.CertificateChainPolicy = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
            handler.SslOptions.CertificateChainPolicy.CustomTrustStore.AddRange(roots);
        }

        if (metadata.Find("MTLSClientCert") is { } certificate)
        {
            handler.SslOptions.ClientCertificates = [X509Certificate2.CreateFromPem(Pem(certificate), Pem(key ?? throw metadata.Invalid("MTLSClientKey", "the key of MTLSClientCert in PEM")))];
        }

        _http = new(new GoTransport(handler)) { Timeout = timeout > TimeSpan.Zero ? timeout : Timeout.InfiniteTimeSpan };
    }

    public IReadOnlyList<string> Operations { get; } = ["create", "get", "head", "post", "put", "patch", "delete", "options", "trace"];

    public IReadOnlyList<string> Capabilities { get; } = ["OUTPUT_BINDING"];

    public async Task<BindingAnswer> Invoke(string operation, byte[] data, IReadOnlyDictionary<string, string> metadata, CancellationToken stop)
    {
        var url = metadata.GetValueOrDefault("path") is { Length: > 0 } path ? $"{_url.TrimEnd('/')}/{path.TrimStart('/')}" : _url;
        var method = operation == "create" ? "POST" : operation.ToUpperInvariant();
        using var request = new HttpRequestMessage(new HttpMethod(method), AddressOf(method, url));
        if (operation is "create" or "post" or "put" or "patch")
        {
            request.Content = new ByteArrayContent(data.Length == 0 ? "null"u8.ToArray() : data);
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(metadata.GetValueOrDefault("Content-Type") ?? JsonType);
        }

        AddHeaders(request, metadata);
        try
        {
            using var response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
            var body = await Read(response, stop);
            var answer = new Dictionary<string, string>
            {
                ["statusCode"] = $"{(int)response.StatusCode}",
                ["status"] = $"{(int)response.StatusCode} {response.ReasonPhrase}",
            };
            foreach (var (name, values) in response.Headers.NonValidated.Concat(response.Content.Headers.NonValidated))
            {
                answer[name] = string.Join(", ", values.ToArray());
            }

            var failOnStatus = metadata.GetValueOrDefault("errorIfNot2XX") is { } own ? YamlNodes.IsTrue(own) : _failOnStatus;
            return failOnStatus && !response.IsSuccessStatusCode
                ? throw new BindingException($"received status code {(int)response.StatusCode}") { Metadata = answer }
                : new(body, answer);
        }
        catch (HttpRequestException e)
        {
            throw new BindingException(e.Message);
        }
        catch (HttpIOException e)
        {
            throw new BindingException(GoNetError.OfBody(e));
        }
        catch (TaskCanceledException) when (!stop.IsCancellationRequested)
        {
            throw new BindingException(GoNetError.OfRequest(method, url, "context deadline exceeded"));
        }
    }

    public ValueTask DisposeAsync()
    {
        _http.Dispose();
        return default;
    }

    private static Uri AddressOf(string method, string url)
    {
        try
        {
            return GoUrl.Parse(method, url);
        }
        catch (FormatException e)
        {
            throw new BindingException(e.Message);
        }
    }

    private static string Pem(string pemOrFile) => File.Exists(pemOrFile) ? File.ReadAllText(pemOrFile) : pemOrFile;

    // Metadata that starts with a capital letter is a header, as in Dapr.
    private void AddHeaders(HttpRequestMessage request, IReadOnlyDictionary<string, string> metadata)
    {
        if (_token is { } token)
        {
            request.Headers.TryAddWithoutValidation(token.Name, token.Value);
        }

        foreach (var (name, value) in metadata.Where(pair => pair.Key.Length > 0 && (char.IsAsciiLetterUpper(pair.Key[0]) || pair.Key is "traceparent" or "tracestate" or "baggage") && pair.Key != "Content-Type"))
        {
            if (value.Any(letter => letter is (< ' ' and not '\t') or '\x7f'))
            {
                throw new BindingException(GoNetError.OfRequest(request.Method.Method, request.RequestUri!.OriginalString, $"net/http: invalid header field value for {GoText.Quote(name)}"));
            }

            request.Headers.Remove(name);
            request.Headers.TryAddWithoutValidation(name, value);
        }

        if (!metadata.ContainsKey("Accept"))
        {
            request.Headers.TryAddWithoutValidation("Accept", JsonType);
        }
    }

    private async Task<byte[]> Read(HttpResponseMessage response, CancellationToken stop)
    {
        await using var stream = await response.Content.ReadAsStreamAsync(stop);
        using var body = new MemoryStream();
        var buffer = new byte[16 * 1024];
        while ((_maxResponseSize <= 0 || body.Length < _maxResponseSize) && await stream.ReadAsync(buffer, stop) is > 0 and var read)
        {
            body.Write(buffer, 0, _maxResponseSize <= 0 ? read : (int)Math.Min(read, _maxResponseSize - body.Length));
        }

        return body.ToArray();
    }
}
