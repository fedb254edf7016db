using System.Net;
using System.Net.Http.Json;
using Dapr.Client;

namespace Lavka.ServiceDefaults;

/// <summary>Asks other services, through Dapr's service invocation.</summary>
public sealed class Peers(DaprClient dapr, CallerTokens callers)
{
    private sealed record Problem(string? Detail);

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);

    private readonly HttpClient _http = WithPatience(dapr.CreateInvokableHttpClient());

    /// <summary>The service's answer, or null if it answers 404. What it refuses (4xx), is refused with its reason.</summary>
    /// <param name="service">The service's app id.</param>
    /// <param name="path">The path, with a slash in front.</param>
    /// <param name="stop">Cancels.</param>
    /// <exception cref="RequestException">503: the service is away. It names it.</exception>
    public async Task<T?> Get<T>(string service, string path, CancellationToken stop)
        where T : class
    {
        using var response = await Send(service, HttpMethod.Get, path, stop);
        return response.IsSuccessStatusCode ? await response.Content.ReadFromJsonAsync<T>(stop)
            : response.StatusCode == HttpStatusCode.NotFound ? null
            : throw new RequestException((int)response.StatusCode, (await response.Content.ReadFromJsonAsync<Problem>(stop))?.Detail ?? $"The service '{service}' refuses it.");
    }

    /// <summary>The service's answer: a success, or a refusal (4xx).</summary>
    /// <param name="content">The body; null: none.</param>
    /// <exception cref="RequestException">503: the service is away. It names it.</exception>
    public async Task<HttpResponseMessage> Send(string service, HttpMethod method, string path, CancellationToken stop, HttpContent? content = null)
    {
        HttpResponseMessage response;
        try
        {
            if (content is not null)
            {
                // What services ask of each other may be done twice. Dapr tries again only what has a length.
                await content.LoadIntoBufferAsync(stop);
            }

            using var request = new HttpRequestMessage(method, $"http://{service}{path}") { Content = content };
            request.Headers.Add(CallerTokens.Header, callers.ForService());
            response = await _http.SendAsync(request, stop);
        }
        catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !stop.IsCancellationRequested))
        {
            throw Away(service);
        }

        if (response.StatusCode < HttpStatusCode.InternalServerError)
        {
            return response;
        }

        response.Dispose();
        throw Away(service);
    }

    private static HttpClient WithPatience(HttpClient http)
    {
        http.Timeout = Patience;
        return http;
    }

    /// <summary>503, naming the service that is away.</summary>
    public static RequestException Away(string service) =>
        new((int)HttpStatusCode.ServiceUnavailable, $"The service '{service}' is away; try again in a moment.") { Extensions = { ["service"] = service } };
}
