using System.Text.Json;

namespace Dapr.Client;

/// <summary>Makes a <see cref="DaprClient"/>.</summary>
public sealed class DaprClientBuilder
{
    private string _httpEndpoint = DaprDefaults.HttpEndpoint();
    private string? _apiToken = DaprDefaults.ApiToken();
    private TimeSpan _timeout;
    private JsonSerializerOptions _json = new(JsonSerializerDefaults.Web);

    /// <summary>The sidecar's HTTP endpoint, instead of the environment's.</summary>
    /// <param name="httpEndpoint">For example <c>http://127.0.0.1:3500</c>.</param>
    public DaprClientBuilder UseHttpEndpoint(string httpEndpoint)
    {
        ArgumentException.ThrowIfNullOrEmpty(httpEndpoint);
        _httpEndpoint = httpEndpoint;
        return this;
    }

    /// <summary>How values and events become JSON.</summary>
    /// <param name="options">The options.</param>
    public DaprClientBuilder UseJsonSerializationOptions(JsonSerializerOptions options)
    {
        _json = options;
        return this;
    }

    /// <summary>The API token, instead of the environment's.</summary>
    /// <param name="apiToken">The token.</param>
    public DaprClientBuilder UseDaprApiToken(string apiToken)
    {
        _apiToken = apiToken;
        return this;
    }

    /// <summary>How long a request may take.</summary>
    /// <param name="timeout">The limit; zero: .NET's own.</param>
    public DaprClientBuilder UseTimeout(TimeSpan timeout)
    {
        _timeout = timeout;
        return this;
    }

    /// <summary>Makes the client.</summary>
    /// <exception cref="InvalidOperationException">The endpoint is no http or https URL.</exception>
    public DaprClient Build()
    {
        var endpoint = new Uri(_httpEndpoint);
        return endpoint.Scheme is "http" or "https"
            ? new DaprClientHttp(endpoint, _apiToken, _timeout, _json)
            : throw new InvalidOperationException("The HTTP endpoint must use http or https.");
    }
}
