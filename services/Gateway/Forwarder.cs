using System.Buffers;
using System.Net;
using System.Text.Json;
using Dapr.Client;
using Lavka.ServiceDefaults;
using Microsoft.AspNetCore.Http.Features;
using Yarp.ReverseProxy.Forwarder;

namespace Lavka.Gateway;

/// <summary>Passes a request on to a service, through Dapr, and its answer back.</summary>
public sealed class Forwarder(IHttpForwarder yarp, DaprClient dapr, CallerTokens callers) : IDisposable
{
    /// <summary>The largest body in bytes that is passed on.</summary>
    public const long LargestBody = 1024 * 1024;

    /// <summary>The largest body in bytes that is read to its end, so that its sender gets to see the refusal; at a larger one the connection is cut.</summary>
    public const long LargestBodyRead = 64 * LargestBody;

    // Of the client's headers, those that mean something to a service; the rest is between client and Gateway.
    private static readonly string[] RequestHeaders = ["Accept", "Idempotency-Key", "If-Match", "If-None-Match", "Last-Event-ID", "Carrier-Signature", ResponseHeaders.CorrelationId];
    private static readonly string[] AnswerHeaders = ["Location", "Link", "ETag", "Retry-After"];

    private static readonly SearchValues<char> PlainCharacters = SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~@:");

    private readonly Passage _passage = new(callers);

    private readonly HttpMessageInvoker _invoker = new(new ThroughDapr(dapr.CreateInvokableHttpClient()));

    /// <exception cref="RequestException">404: a path that means something else to Dapr; 413: the body is too large; 503: the service is away, or not yet there.</exception>
    public async Task Forward(HttpContext http, string service)
    {
        CheckPath(http.Request.Path);
        if (http.Request.ContentLength > 0 || http.Request.Headers.TransferEncoding.Count > 0)
        {
            http.Request.Body = await Read(http.Request, http.RequestAborted);
        }

        // No service speaks anything but HTTP, so no connection becomes another one.
        http.Features.Set<IHttpUpgradeFeature>(null);
        var error = await yarp.SendAsync(http, $"http://{service}", _invoker, ForwarderRequestConfig.Empty, _passage, http.RequestAborted);
        http.RequestAborted.ThrowIfCancellationRequested();
        if (error != ForwarderError.None && !http.Response.HasStarted)
        {
            throw Peers.Away(service);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _invoker.Dispose();

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
    private static async Task<MemoryStream> Read(HttpRequest request, CancellationToken stop)
    {
        var body = new MemoryStream();
        if (request.ContentLength is null or <= LargestBody)
        {
            var buffer = new byte[16 * 1024];
            while (body.Length <= LargestBody && await request.Body.ReadAsync(buffer, stop) is > 0 and var count)
            {
                body.Write(buffer, 0, count);
            }

            if (body.Length <= LargestBody)
            {
                body.Position = 0;
                return body;
            }
        }

        // A sender that waits for our word need not send it all.
        if (request.Headers.Expect.Count == 0)
        {
            await request.Body.CopyToAsync(Stream.Null, stop);
        }

        throw new RequestException(StatusCodes.Status413PayloadTooLarge, $"The body is too large; allowed are {LargestBody} bytes.");
    }

    /// <summary>What passes in each direction.</summary>
    private sealed class Passage(CallerTokens callers) : HttpTransformer
    {
        public override ValueTask TransformRequestAsync(HttpContext http, HttpRequestMessage request, string destination, CancellationToken cancellationToken)
        {
            foreach (var name in RequestHeaders.Where(http.Request.Headers.ContainsKey))
            {
                request.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)http.Request.Headers[name]);
            }

            request.Headers.Add(CallerTokens.Header, http.Request.Path.StartsWithSegments("/v1") ? callers.ForService() : callers.For(new(http.User.UserId(), http.User.Role())));

            if (request.Content is { } content)
            {
                content.Headers.TryAddWithoutValidation("Content-Type", http.Request.ContentType);
                content.Headers.ContentLength = http.Request.Body.Length;
            }

            return default;
        }

        /// <exception cref="IOException">It is Dapr that answers, because the service cannot be reached.</exception>
        public override async ValueTask<bool> TransformResponseAsync(HttpContext http, HttpResponseMessage? response, CancellationToken cancellationToken)
        {
            if (response is null)
            {
                return false;
            }

            if (response.StatusCode == HttpStatusCode.InternalServerError && await IsDapr(response, cancellationToken))
            {
                throw new IOException("Dapr cannot reach the service.");
            }

            foreach (var name in AnswerHeaders)
            {
                if (response.Headers.NonValidated.TryGetValues(name, out var values))
                {
                    http.Response.Headers[name] = values.ToArray();
                }
            }

            http.Response.ContentType = response.Content.Headers.ContentType?.ToString();
            http.Response.ContentLength = response.Content.Headers.ContentLength;
            return true;
        }

        public override ValueTask TransformResponseTrailersAsync(HttpContext http, HttpResponseMessage response, CancellationToken cancellationToken) => default;

        private static async Task<bool> IsDapr(HttpResponseMessage response, CancellationToken cancellationToken)
        {
            if (response.Content.Headers.ContentType?.MediaType != "application/json")
            {
                return false;
            }

            await response.Content.LoadIntoBufferAsync(cancellationToken);
            try
            {
                using var json = JsonDocument.Parse(await response.Content.ReadAsByteArrayAsync(cancellationToken));
                return json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("errorCode", out _);
            }
            catch (JsonException)
            {
                return false;
            }
        }
    }

    /// <summary>Dapr's client as a handler, which is what YARP sends with.</summary>
    private sealed class ThroughDapr(HttpClient client) : HttpMessageHandler
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            // Dapr makes a call again that found no instance, or lost it (components/local/resiliency.yaml); never one whose length it is not told, which
            // it streams. So what must not be done twice has none.
            if (!MayBeRepeated(request))
            {
                request.Content ??= new ByteArrayContent([]);
                request.Headers.TransferEncodingChunked = true;
            }

            return client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        }

        // In v1 orders alone know the key.
        private static bool MayBeRepeated(HttpRequestMessage request) => request.Method == HttpMethod.Get || request.Method == HttpMethod.Head
            || (request.Method == HttpMethod.Post && request.Headers.Contains("Idempotency-Key")
                && (!request.RequestUri!.AbsolutePath.StartsWith("/v1/", StringComparison.Ordinal) || request.RequestUri.AbsolutePath.StartsWith("/v1/orders", StringComparison.Ordinal)));

        protected override void Dispose(bool disposing)
        {
            client.Dispose();
            base.Dispose(disposing);
        }
    }
}
