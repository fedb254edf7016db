using System.Net;
using System.Text.Json;
using Dapr.Client;
using Lavka.ServiceDefaults;

namespace Lavka.Gateway;

/// <summary>Passes a request on to a service, through Dapr, and its answer back.</summary>
public sealed class Forwarder(DaprClient dapr)
{
    // Of the client's headers, those that mean something to a service; the rest is between client and Gateway.
    private static readonly string[] RequestHeaders = ["Accept", "Idempotency-Key", "If-Match", "If-None-Match"];
    private static readonly string[] ResponseHeaders = ["Location", "Link", "ETag", "Retry-After"];

    private readonly HttpClient _http = dapr.CreateInvokableHttpClient();

    public async Task Forward(HttpContext http, string service)
    {
        var stop = http.RequestAborted;
        using var request = new HttpRequestMessage(new HttpMethod(http.Request.Method), $"http://{service}{http.Request.Path.ToUriComponent()}{http.Request.QueryString}");
        foreach (var name in RequestHeaders.Where(http.Request.Headers.ContainsKey))
        {
            request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)http.Request.Headers[name]);
        }

        if (http.Request.ContentLength > 0 || http.Request.Headers.TransferEncoding.Count > 0)
        {
            // Read before anything is sent: a body that is too large must not reach the service in part.
            using var body = new MemoryStream();
            await http.Request.Body.CopyToAsync(body, stop);
            request.Content = new ByteArrayContent(body.ToArray());
            request.Content.Headers.TryAddWithoutValidation("Content-Type", http.Request.ContentType);
        }

        using var response = await Send(request, service, stop);
        http.Response.StatusCode = (int)response.StatusCode;
        foreach (var name in ResponseHeaders)
        {
            if (response.Headers.NonValidated.TryGetValues(name, out var values))
            {
                http.Response.Headers[name] = values.ToArray();
            }
        }

        if (response.Content.Headers.ContentType is { } type)
        {
            http.Response.ContentType = type.ToString();
        }

        http.Response.ContentLength = response.Content.Headers.ContentLength;
        if (response.StatusCode != HttpStatusCode.NoContent)
        {
            await response.Content.CopyToAsync(http.Response.Body, stop);
        }
    }

    /// <exception cref="RequestException">503: the service is away, or not yet there.</exception>
    private async Task<HttpResponseMessage> Send(HttpRequestMessage request, string service, CancellationToken stop)
    {
        HttpResponseMessage response;
        try
        {
            response = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, stop);
        }
        catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !stop.IsCancellationRequested))
        {
            throw Peers.Away(service);
        }

        if (response.StatusCode == HttpStatusCode.InternalServerError && await IsDapr(response, stop))
        {
            response.Dispose();
            throw Peers.Away(service);
        }

        return response;
    }

    /// <summary>Whether it is Dapr that answers, and not the service, because that cannot be reached.</summary>
    private static async Task<bool> IsDapr(HttpResponseMessage response, CancellationToken stop)
    {
        if (response.Content.Headers.ContentType?.MediaType != "application/json")
        {
            return false;
        }

        await response.Content.LoadIntoBufferAsync(stop);
        try
        {
            using var json = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(stop));
            return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("errorCode", out _);
        }
        catch (JsonException)
        {
            return false;
        }
    }
}
