namespace Dapr.Client;

/// <summary>Turns <c>http://app-id/path</c> into a service invocation through the sidecar (Dapr: reference/api/service_invocation_api).</summary>
public class InvocationHandler : DelegatingHandler
{
    private Uri _endpoint = new(DaprDefaults.HttpEndpoint());

    /// <summary>The sidecar's HTTP endpoint. By default from <c>DAPR_HTTP_ENDPOINT</c> or <c>DAPR_HTTP_PORT</c>.</summary>
    /// <exception cref="ArgumentException">It is no http or https URL.</exception>
    public string DaprEndpoint
    {
        get => _endpoint.OriginalString;
        set
        {
            ArgumentNullException.ThrowIfNull(value);
            var endpoint = new Uri(value);
            _endpoint = endpoint.Scheme is "http" or "https"
                ? endpoint
                : throw new ArgumentException("The URI scheme of the Dapr endpoint must be http or https.", nameof(value));
        }
    }

    /// <summary>The app of requests to a host of this name, spelt as given here: hosts lose their case.</summary>
    public string? DefaultAppId { get; set; }

    internal string? DaprApiToken { get; set; } = DaprDefaults.ApiToken();

    /// <inheritdoc />
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var original = request.RequestUri;
        if (original is not { IsAbsoluteUri: true, Scheme: "http" or "https" })
        {
            throw new ArgumentException($"The request URI '{original}' is not a valid Dapr service invocation destination.", nameof(request));
        }

        var appId = original.Host.Equals(DefaultAppId, StringComparison.OrdinalIgnoreCase) ? DefaultAppId : original.Host;
        request.RequestUri = new Uri($"{_endpoint.GetLeftPart(UriPartial.Authority)}/v1.0/invoke/{appId}/method{original.PathAndQuery}");
        if (DaprApiToken is not null)
        {
            request.Headers.TryAddWithoutValidation(DaprDefaults.ApiTokenHeader, DaprApiToken);
        }

        try
        {
            return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            request.RequestUri = original;
            request.Headers.Remove(DaprDefaults.ApiTokenHeader);
        }
    }
}
