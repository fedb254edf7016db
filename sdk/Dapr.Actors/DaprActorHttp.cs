using System.Net;
using System.Net.Http.Headers;
using System.Text;

namespace Dapr.Actors;

/// <summary>The sidecar's actor API (Dapr: reference/api/actors_api).</summary>
internal sealed class DaprActorHttp
{
    private static readonly AsyncLocal<string?> Reentrancy = new();

    private readonly HttpClient _http;

    public DaprActorHttp(string endpoint, string? apiToken, HttpMessageHandler? handler = null)
    {
        _http = new HttpClient(handler ?? new SocketsHttpHandler { UseProxy = false, UseCookies = false })
        {
            BaseAddress = new(new Uri(endpoint).GetLeftPart(UriPartial.Authority)),
        };
        if (!string.IsNullOrEmpty(apiToken))
        {
            _http.DefaultRequestHeaders.TryAddWithoutValidation(DaprDefaults.ApiTokenHeader, apiToken);
        }
    }

    /// <summary>The reentrancy id of the call this code runs in; calls it makes carry it on.</summary>
    public static string? ReentrancyId
    {
        get => Reentrancy.Value;
        set => Reentrancy.Value = value;
    }

    /// <exception cref="DaprApiException">The sidecar answered an error.</exception>
    /// <exception cref="HttpRequestException">The sidecar does not answer.</exception>
    public async Task<byte[]> Send(HttpMethod method, string type, string id, string path, byte[]? body, CancellationToken stop)
    {
        using var request = new HttpRequestMessage(method, new Uri($"/v1.0/actors/{Uri.EscapeDataString(type)}/{Uri.EscapeDataString(id)}/{path}", UriKind.Relative));
        if (body is not null)
        {
            request.Content = new ByteArrayContent(body);
            request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json", Encoding.UTF8.WebName);
        }

        if (ReentrancyId is { } reentrancy)
        {
            request.Headers.TryAddWithoutValidation("Dapr-Reentrancy-Id", reentrancy);
        }

        using var response = await _http.SendAsync(request, stop).ConfigureAwait(false);
        return response.StatusCode switch
        {
            HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden when response.Content.Headers.ContentType?.MediaType != "application/json" =>
                throw new System.Security.Authentication.AuthenticationException("Invalid client credentials"),
            >= HttpStatusCode.Ambiguous => throw await DaprErrors.Read(response, stop).ConfigureAwait(false),
            _ => await response.Content.ReadAsByteArrayAsync(stop).ConfigureAwait(false),
        };
    }
}
