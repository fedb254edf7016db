using System.Text;
using Lavka.Sidecar.Resiliency;

namespace Lavka.Sidecar.Http;

/// <summary>
/// Service invocation (Dapr: reference/api/service_invocation_api): by path, by the <c>dapr-app-id</c> header, of HTTPEndpoints and of absolute URLs. Every request
/// that is no other API's comes here, as in daprd.
/// </summary>
internal sealed class InvokeApi(Sidecar sidecar, ResiliencyPolicies policies, SidecarOptions options, HttpMessageInvoker http)
{
    private const string Prefix = "/v1.0/invoke/";

    // Small bodies are read at once, so that a retry can send them again; large ones stream through.
    private const int LargestBuffered = 64 * 1024;

    private static readonly HashSet<string> NotForwarded = new(StringComparer.OrdinalIgnoreCase)
    {
        "Connection", "Keep-Alive", "Proxy-Connection", "Transfer-Encoding", "Upgrade", "HTTP2-Settings", "TE", "Trailer",
        "Proxy-Authorization", "Proxy-Authenticate", "Host", "dapr-app-id", "dapr-api-token", "dapr-caller-app-id", "dapr-callee-app-id",
    };

    private sealed record Target(string Id, Uri Address, AppChannel? App, IReadOnlyDictionary<string, string> Headers);

    public async ValueTask Handle(ApiRequest request)
    {
        if (!TryFindTarget(request, out var id, out var path))
        {
            throw new ApiException(404, "ERR_DIRECT_INVOKE", "failed getting app id either from the URL path or the header dapr-app-id");
        }

        try
        {
            var target = Resolve(id, Clean(path) + request.Http.Request.QueryString);
            var policy = policies.App(target.Id, path);
            var body = await Body(request, policy.Retry is not null);
            using var response = await policy.Run(stop => Send(request, target, body, stop), request.Stop);
            await Copy(response, request.Http);
        }
        catch (Exception e) when (e is HttpRequestException or TimeoutException or CircuitBreakerException or BodyTooLargeException or UriFormatException or KeyNotFoundException)
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

        if (request.Http.Request.Headers.Authorization.ToString() is { } authorization && authorization.StartsWith("Basic ", StringComparison.OrdinalIgnoreCase) &&
            TryDecode(authorization[6..]) is { } login && login.StartsWith("dapr-app-id:", StringComparison.OrdinalIgnoreCase))
        {
            id = login[12..];
            return true;
        }

        var method = path.IndexOf("/method/", StringComparison.Ordinal);
        if (!path.StartsWith(Prefix, StringComparison.Ordinal) || method < Prefix.Length)
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

    /// <summary>The path without empty, <c>.</c> and <c>..</c> segments, and without a slash at its end, as daprd passes it on.</summary>
    private static string Clean(string path)
    {
        if (path.Length > 1 && !path.Contains("//", StringComparison.Ordinal) && !path.Contains("/.", StringComparison.Ordinal) &&
            !path.Contains("%2", StringComparison.Ordinal) && !path.EndsWith('/'))
        {
            return path;
        }

        var clean = new List<string>();
        foreach (var segment in Uri.UnescapeDataString(path).Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (segment == "..")
            {
                if (clean.Count > 0)
                {
                    clean.RemoveAt(clean.Count - 1);
                }
            }
            else if (segment != ".")
            {
                clean.Add(Uri.EscapeDataString(segment));
            }
        }

        return '/' + string.Join('/', clean);
    }

    private Target Resolve(string id, string path)
    {
        var url = id.StartsWith("http:/", StringComparison.OrdinalIgnoreCase) || id.StartsWith("https:/", StringComparison.OrdinalIgnoreCase);
        if (url)
        {
            var scheme = id.IndexOf(":/", StringComparison.Ordinal);
            return new(id, new Uri($"{id[..scheme]}://{id[(scheme + 1)..].Trim('/')}{path}"), null, NoHeaders);
        }

        if (sidecar.HttpEndpoints.TryGetValue(id, out var endpoint))
        {
            return new(id, new Uri(endpoint.BaseUrl.TrimEnd('/') + path), null, endpoint.Headers);
        }

        var parts = id.Split('.');
        if (parts.Length > 2)
        {
            throw new KeyNotFoundException($"invalid app id {id}");
        }

        var callee = parts[0] == options.AppId ? sidecar : sidecar.Mesh.Find(parts[0]) ?? throw new KeyNotFoundException($"couldn't find service: {parts[0]}");
        var app = callee.App ?? throw new KeyNotFoundException("cannot invoke local endpoint: app channel not initialized");
        return new(id, app.At(path), app, new Dictionary<string, string> { ["dapr-caller-app-id"] = options.AppId, ["dapr-callee-app-id"] = parts[0] });
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

        foreach (var (name, values) in request.Http.Request.Headers)
        {
            if (!NotForwarded.Contains(name) && !name.StartsWith(':') && !message.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
            {
                message.Content?.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }

        foreach (var (name, value) in target.Headers)
        {
            message.Headers.Remove(name);
            message.Headers.TryAddWithoutValidation(name, value);
        }

        var response = target.App is null ? await http.SendAsync(message, stop) : await target.App.Send(message, stop);
        var status = (int)response.StatusCode;
        return new(response, Failed: status is < 200 or > 399, status);
    }

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

        if (to.Response.StatusCode is >= 400 && from.Content.Headers.ContentType is null)
        {
            to.Response.ContentType = "application/json";
        }

        if (to.Request.Method != "HEAD" && from.StatusCode is not (System.Net.HttpStatusCode.NoContent or System.Net.HttpStatusCode.NotModified))
        {
            await from.Content.CopyToAsync(to.Response.Body, to.RequestAborted);
        }
    }
}
