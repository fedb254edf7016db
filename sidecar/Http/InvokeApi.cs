using System.Text;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Rpc;
using Grpc.Core;
using Lavka.Sidecar.Invocation;
using Lavka.Sidecar.Observability;
using Microsoft.Extensions.Primitives;

namespace Lavka.Sidecar.Http;

/// <summary>
/// Service invocation (Dapr: reference/api/service_invocation_api): by path, by the <c>dapr-app-id</c> header, of HTTPEndpoints and of absolute URLs. Every request
/// that is no other API's comes here, as in daprd.
/// </summary>
internal sealed class InvokeApi(ServiceInvocation invocation, Telemetry telemetry, SidecarOptions options)
{
    private const string Prefix = "/v1.0/invoke/";

    // Small bodies are read at once, so that a retry can send them again; large ones stream through.
    private const int LargestBuffered = 64 * 1024;

    private static readonly JsonFormatter ErrorFormat = new(JsonFormatter.Settings.Default.WithTypeRegistry(TypeRegistry.FromFiles(ErrorInfo.Descriptor.File, Google.Rpc.Status.Descriptor.File)));

    public async ValueTask Handle(ApiRequest request)
    {
        if (!TryFindTarget(request, out var id, out var path))
        {
            throw new ApiException(404, "ERR_DIRECT_INVOKE", "failed getting app id either from the URL path or the header dapr-app-id");
        }

        var http = request.Http.Request;
        var method = Read(id, path);
        if (request.Trace is { } span)
        {
            span.DisplayName = $"CallLocal/{id}/{method}";
            span.SetTag("rpc.service", "ServiceInvocation").SetTag("net.peer.name", id);
        }

        var body = await Body(request, id, method);
        using var answer = await invocation.Invoke(new()
        {
            Id = id,
            Method = method,
            Verb = InvocationRequest.VerbOf(request.Method),
            Query = http.QueryString.HasValue ? http.QueryString.Value![1..] : "",
            ContentType = http.ContentType ?? "",
            Headers = http.Headers,
            Body = body,
            Stream = body is null ? new LimitedBody(http.Body, options.MaxBodySize) : null,
            Trace = telemetry.TraceOf(request.Trace, default),
        }, request.Stop);
        await (answer.Http is { } response ? Copy(response, request.Http) : Write(answer, request));
    }

    private static string Read(string id, string path)
    {
        try
        {
            return MethodName.Clean((path.Contains('%', StringComparison.Ordinal) ? Uri.UnescapeDataString(path) : path).TrimStart('/'));
        }
        catch (InvocationException e)
        {
            throw ServiceInvocation.Failed(id, e.Message);
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

    /// <summary>The body as bytes, or null to stream it.</summary>
    private async ValueTask<byte[]?> Body(ApiRequest request, string id, string method)
    {
        var length = request.Http.Request.ContentLength;
        if (length > options.MaxBodySize && options.MaxBodySize > 0)
        {
            throw ServiceInvocation.Failed(id, new BodyTooLargeException().Message);
        }

        if (length is null && !request.Http.Request.Headers.TransferEncoding.ToString().Contains("chunked", StringComparison.OrdinalIgnoreCase))
        {
            return [];
        }

        return length <= LargestBuffered || (length is not null && invocation.IsRetried(id, method)) ? await request.Body() : null;
    }

    private static async Task Copy(HttpResponseMessage from, HttpContext to)
    {
        to.Response.StatusCode = (int)from.StatusCode;
        foreach (var (name, values) in from.Headers.NonValidated)
        {
            if (HttpInvocation.IsForwarded(name))
            {
                // The app's own baggage comes after the caller's.
                to.Response.Headers[name] = name.Equals("baggage", StringComparison.OrdinalIgnoreCase)
                    ? StringValues.Concat(to.Response.Headers.Baggage, values.ToArray())
                    : values.ToArray();
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

    /// <summary>What a gRPC app answered: its data, or its error as JSON under the HTTP status that stands for it.</summary>
    private static async Task Write(InvocationAnswer answer, ApiRequest request)
    {
        var response = request.Http.Response;
        foreach (var (name, values) in GrpcHeaders.Of(answer.Metadata.Headers))
        {
            if (HttpInvocation.IsForwarded(name) && !GrpcHeaders.IsTrace(name) && name is not ("content-type" or "content-length") && !name.EndsWith("-bin", StringComparison.Ordinal))
            {
                response.Headers[name.StartsWith("grpc-", StringComparison.Ordinal) ? "dapr-" + name : name] = values;
            }
        }

        var (body, type) = answer.Message is { } message
            ? (message.Data?.Value.Memory ?? default, message.Data?.TypeUrl is { Length: > 0 } ? "application/x-protobuf" : message.ContentType)
            : (ErrorOf(answer.Error!), "");
        response.StatusCode = StatusMapping.ToHttp(answer.Error?.StatusCode ?? StatusCode.OK);
        if (type.Length > 0 || body.Length > 0)
        {
            response.ContentType = type.Length > 0 ? type : ContentSniffer.TypeOf(body.Span[..Math.Min(body.Length, ContentSniffer.Length)]);
        }

        response.ContentLength = body.Length;
        await response.Body.WriteAsync(body, request.Stop);
    }

    private static byte[] ErrorOf(RpcException error)
    {
        try
        {
            return Encoding.UTF8.GetBytes(ErrorFormat.Format(error.GetRpcStatus() ?? new() { Code = (int)error.StatusCode, Message = error.Status.Detail }));
        }
        catch (InvalidOperationException e)
        {
            // A detail is of a type that only the app knows.
            throw new ApiException(500, "ERR_MALFORMED_RESPONSE", e.Message);
        }
    }
}
