using System.Buffers;
using System.Net;
using System.Text.Json;
using Dapr.Client;
using Lavka.ServiceDefaults;

namespace Lavka.Gateway;

/// <summary>Passes a request on to a service, through Dapr, and its answer back.</summary>
public sealed class Forwarder(DaprClient dapr)
{
    /// <summary>The largest body in bytes that is passed on.</summary>
    public const long LargestBody = 1024 * 1024;

    /// <summary>The largest body in bytes that is read to its end, so that its sender gets to see the refusal; at a larger one the connection is cut.</summary>
    public const long LargestBodyRead = 64 * LargestBody;

    // Of the client's headers, those that mean something to a service; the rest is between client and Gateway.
    private static readonly string[] RequestHeaders = ["Accept", "Idempotency-Key", "If-Match", "If-None-Match", "Carrier-Signature", ResponseHeaders.CorrelationId];
    private static readonly string[] AnswerHeaders = ["Location", "Link", "ETag", "Retry-After"];

    private static readonly SearchValues<char> PlainCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~@:");

    private readonly HttpClient _http = dapr.CreateInvokableHttpClient();

    public async Task Forward(HttpContext http, string service)
    {
        var stop = http.RequestAborted;
        CheckPath(http.Request.Path);
        using var request = new HttpRequestMessage(new HttpMethod(http.Request.Method), $"http://{service}{http.Request.Path.ToUriComponent()}{http.Request.QueryString}");
        foreach (var name in RequestHeaders.Where(http.Request.Headers.ContainsKey))
        {
            request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)http.Request.Headers[name]);
        }

        // v1 knows no callers: there, whoever may ask may everything.
        if (!http.Request.Path.StartsWithSegments("/v1"))
        {
            request.Headers.TryAddWithoutValidation(Caller.RoleHeader, http.User.Role());
            request.Headers.TryAddWithoutValidation(Caller.UserHeader, http.User.UserId());
        }

        if (http.Request.ContentLength > 0 || http.Request.Headers.TransferEncoding.Count > 0)
        {
            request.Content = new ByteArrayContent(await Read(http.Request, stop));
            request.Content.Headers.TryAddWithoutValidation("Content-Type", http.Request.ContentType);
        }

        using var response = await Send(request, service, stop);
        http.Response.StatusCode = (int)response.StatusCode;
        foreach (var name in AnswerHeaders)
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

    /// <summary>
    /// Lets through paths of plain segments alone. Dapr decodes a path and takes its dots away before it calls the service, so one that is more than it seems here could lead to what
    /// is not for clients.
    /// </summary>
    private static void CheckPath(PathString path)
    {
        foreach (var segment in path.Value!.Split('/'))
        {
            if (segment is "." or ".." || segment.AsSpan().ContainsAnyExcept(PlainCharacters))
            {
                throw RequestException.NotFound($"There is no '{path}'.");
            }
        }
    }

    /// <summary>The whole body, before anything is sent: one that is too large must not reach the service in part.</summary>
    /// <exception cref="RequestException">413: it is too large.</exception>
    private static async Task<byte[]> Read(HttpRequest request, CancellationToken stop)
    {
        using var body = new MemoryStream();
        if (request.ContentLength is null or <= LargestBody)
        {
            var buffer = new byte[16 * 1024];
            while (body.Length <= LargestBody && await request.Body.ReadAsync(buffer, stop) is > 0 and var count)
            {
                body.Write(buffer, 0, count);
            }

            if (body.Length <= LargestBody)
            {
                return body.ToArray();
            }
        }

        // A sender that waits for our word need not send it all.
        if (request.Headers.Expect.Count == 0)
        {
            await request.Body.CopyToAsync(Stream.Null, stop);
        }

        throw new RequestException(StatusCodes.Status413PayloadTooLarge, $"The body is too large; allowed are {LargestBody} bytes.");
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
