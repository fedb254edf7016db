using System.Text;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.Resiliency;

namespace Lavka.Sidecar.Http;

/// <summary>
/// Service invocation (Dapr: reference/api/service_invocation_api): by path, by the <c>dapr-app-id</c> header, of HTTPEndpoints and of absolute URLs. Every request
/// that is no other API's comes here, as in daprd.
/// </summary>
internal sealed class InvokeApi(Sidecar sidecar, ResiliencyPolicies policies, SidecarOptions options, HttpMessageInvoker http, HttpMessageInvoker following)
{
    private const string Prefix = "/v1.0/invoke/";

    // Small bodies are read at once, so that a retry can send them again; large ones stream through.
    private const int LargestBuffered = 64 * 1024;

    private static readonly HashSet<string> NotForwarded = new(StringComparer.OrdinalIgnoreCase)
    {
        "Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade", "HTTP2-Settings", "TE", "Trailer",
        "Proxy-Authorization", "Proxy-Authenticate", "Host", "dapr-app-id", "destination-app-id",
    };

    private sealed record Target(string Id, Uri Address, AppChannel? App, IReadOnlyDictionary<string, string> Headers, HttpMessageInvoker Http, string? PolicyKey = null);

    public async ValueTask Handle(ApiRequest request)
    {
        if (!TryFindTarget(request, out var id, out var path))
        {
            throw new ApiException(404, "ERR_DIRECT_INVOKE", "failed getting app id either from the URL path or the header dapr-app-id");
        }

        try
        {
            var target = Resolve(id, GoPath.PassOn(path) + request.Http.Request.QueryString);
            var policy = policies.App(target.Id, target.PolicyKey ?? path);
            if (request.Trace is { } span)
            {
                span.DisplayName = $"CallLocal/{id}/{path.Trim('/')}";
                span.SetTag("rpc.service", "ServiceInvocation").SetTag("net.peer.name", id);
            }

            var body = await Body(request, policy.Retry is not null);
            if (body is null && policy.Retry is not null)
            {
                // What has streamed through cannot be sent again.
                policy = policy with { Retry = null };
            }

            using var response = await policy.Run(stop => Send(request, target, body, stop), request.Stop);
            await Copy(response, request.Http);
        }
        catch (Exception e) when (e is HttpRequestException or TimeoutException or CircuitBreakerException or BodyTooLargeException or FormatException or KeyNotFoundException or NotSupportedException)
        {
            throw new ApiException(500, "ERR_DIRECT_INVOKE", $"failed to invoke, id: {id}, err: {e.Message}");
        }
    }

    private static bool TryFindTarget(ApiRequest request, out string id, out string path)
    {
        id = request.Http.Request.Headers["dapr-app-id"].ToString();
        path = request.RawPath;
        if (id.Length > 0)
        {
            return true;
        }

        if (request.Http.Request.Headers.Authorization.ToString() is { } authorization && authorization.StartsWith("Basic ", StringComparison.Ordinal) &&
            TryDecode(authorization[6..]) is { } login && login.StartsWith("dapr-app-id:", StringComparison.OrdinalIgnoreCase) && login.Count(c => c == ':') == 1)
        {
            id = login[12..];
            return true;
        }

        var method = path.IndexOf("/method/", StringComparison.Ordinal);
        if (!path.StartsWith(Prefix, StringComparison.Ordinal) || method <= Prefix.Length)
        {
            return false;
        }

        id = Uri.UnescapeDataString(path[Prefix.Length..method]);
        path = path[(method + "/method".Length)..];
        return true;
    }

    private static string? TryDecode(string base64)
    {
        var bytes = new byte[base64.Length];
        return Convert.TryFromBase64String(base64, bytes, out var length) ? Encoding.UTF8.GetString(bytes, 0, length) : null;
    }

    /// <exception cref="KeyNotFoundException">There is no such app, or no app at all.</exception>
    private Target Resolve(string id, string path)
    {
        var url = id.StartsWith("http:/", StringComparison.OrdinalIgnoreCase) || id.StartsWith("https:/", StringComparison.OrdinalIgnoreCase);
        if (url)
        {
            var scheme = id.IndexOf(":/", StringComparison.Ordinal);
            var headers = options.AppToken is { } token ? new Dictionary<string, string> { ["dapr-api-token"] = token } : NoHeaders;
            return new(id, new Uri($"{id[..scheme]}://{id[(scheme + 1)..].Trim('/')}{path}"), null, headers, http);
        }

        if (sidecar.HttpEndpoints.TryGetValue(id, out var endpoint))
        {
            // Unlike an app, a service outside of Dapr may send its callers elsewhere.
            return new(id, new Uri(endpoint.BaseUrl.TrimEnd('/') + path), null, endpoint.Headers, following, endpoint.BaseUrl);
        }

        var parts = id.Split('.');
        if (parts.Length > 2)
        {
            throw new KeyNotFoundException($"invalid app id {id}");
        }

        var callee = parts[0] == options.AppId ? sidecar : sidecar.Mesh.Find(parts[0]) ?? throw new KeyNotFoundException($"couldn't find service: {parts[0]}");
        var app = callee.App ?? throw new KeyNotFoundException("cannot invoke local endpoint: app channel not initialized");
        return new(id, app.At(path), app, callee == sidecar ? NoHeaders : new Dictionary<string, string>
        {
            ["dapr-caller-app-id"] = options.AppId,
            ["dapr-callee-app-id"] = parts[0],
            ["dapr-caller-namespace"] = string.IsNullOrEmpty(options.Namespace) ? "default" : options.Namespace,
        }, http);
    }

    private static IReadOnlyDictionary<string, string> NoHeaders { get; } = new Dictionary<string, string>();

    /// <summary>The body as bytes, or null to stream it.</summary>
    private async ValueTask<byte[]?> Body(ApiRequest request, bool retried)
    {
        var length = request.Http.Request.ContentLength;
        if (length > options.MaxBodySize && options.MaxBodySize > 0)
        {
            throw new BodyTooLargeException();
        }

        if (length is null && !request.Http.Request.Headers.TransferEncoding.ToString().Contains("chunked", StringComparison.OrdinalIgnoreCase))
        {
            return [];
        }

        return length <= LargestBuffered || (retried && length is not null) ? await request.Body() : null;
    }

    private async ValueTask<Attempt<HttpResponseMessage>> Send(ApiRequest request, Target target, byte[]? body, CancellationToken stop)
    {
        // The request is not disposed of: that would end the streaming of its answer.
        var message = new HttpRequestMessage(new HttpMethod(request.Method), target.Address);
        if (body is null)
        {
            message.Content = new StreamContent(request.Http.Request.Body);
        }
        else if (body.Length > 0 || request.Http.Request.ContentType is not null)
        {
            message.Content = new ByteArrayContent(body);
        }

        var connection = request.Http.Request.Headers.Connection.ToString();
        foreach (var (name, values) in request.Http.Request.Headers)
        {
            if (!IsForwarded(name, connection))
            {
                continue;
            }

            var forwarded = name.StartsWith("grpc-", StringComparison.OrdinalIgnoreCase) ? "dapr-" + name : name;
            if (!message.Headers.TryAddWithoutValidation(forwarded, (IEnumerable<string?>)values))
            {
                message.Content?.Headers.TryAddWithoutValidation(forwarded, (IEnumerable<string?>)values);
            }
        }

        if (request.Trace is { } span)
        {
            Telemetry.Propagate(span, null, null, message.Headers);
        }

        foreach (var (name, value) in target.Headers)
        {
            message.Headers.Remove(name);
            message.Headers.TryAddWithoutValidation(name, value);
        }

        var response = target.App is null ? await target.Http.SendAsync(message, stop) : await target.App.Send(message, stop);
        var status = (int)response.StatusCode;
        return new(response, Failed: status is < 200 or > 399, status);
    }

    private bool IsForwarded(string name, string connection) => !NotForwarded.Contains(name) && !name.StartsWith(':') && !name.EndsWith("-bin", StringComparison.OrdinalIgnoreCase)
        && (connection.Length == 0 || !connection.Split(',', StringSplitOptions.TrimEntries).Contains(name, StringComparer.OrdinalIgnoreCase))

        // Where the sidecar asks for a token, it is the caller's to the sidecar, not to the app.
        && (options.ApiToken is null || !name.Equals("dapr-api-token", StringComparison.OrdinalIgnoreCase));

    private static async ValueTask Copy(HttpResponseMessage from, HttpContext to)
    {
        to.Response.StatusCode = (int)from.StatusCode;
        foreach (var (name, values) in from.Headers.NonValidated)
        {
            if (!NotForwarded.Contains(name))
            {
                to.Response.Headers[name] = values.ToArray();
            }
        }

        foreach (var (name, values) in from.Content.Headers.NonValidated)
        {
            to.Response.Headers[name] = values.ToArray();
        }

        var untyped = from.Content.Headers.ContentType is null && !from.Content.Headers.NonValidated.Contains("Content-Type");
        if (to.Response.StatusCode is >= 400 && untyped)
        {
            to.Response.ContentType = "application/json";
        }

        if (to.Request.Method == "HEAD" || from.StatusCode is System.Net.HttpStatusCode.NoContent or System.Net.HttpStatusCode.NotModified)
        {
            return;
        }

        if (!untyped || to.Response.StatusCode >= 400)
        {
            await from.Content.CopyToAsync(to.Response.Body, to.RequestAborted);
            return;
        }

        // Go's server gives an answer without a content type the one that its first bytes look like.
        await using var body = await from.Content.ReadAsStreamAsync(to.RequestAborted);
        var start = new byte[ContentSniffer.Length];
        var length = await body.ReadAtLeastAsync(start, start.Length, throwOnEndOfStream: false, to.RequestAborted);
        if (length > 0)
        {
            to.Response.ContentType = ContentSniffer.TypeOf(start.AsSpan(0, length));
        }

        await to.Response.Body.WriteAsync(start.AsMemory(0, length), to.RequestAborted);
        await body.CopyToAsync(to.Response.Body, to.RequestAborted);
    }
}
