using System.Buffers;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Http.Features;

namespace Lavka.Sidecar.Http;

/// <summary>A request to the Dapr API, with its path in encoded segments: <c>k%2F1</c> is one.</summary>
internal readonly struct ApiRequest
{
    private readonly long _maxBodySize;

    public ApiRequest(HttpContext http, long maxBodySize)
    {
        Http = http;
        _maxBodySize = maxBodySize;
        var target = http.Features.Get<IHttpRequestFeature>()!.RawTarget;
        var query = target.IndexOf('?', StringComparison.Ordinal);
        RawPath = query < 0 ? target : target[..query];
        if (!RawPath.StartsWith('/'))
        {
            // The absolute form, http://host/path, which proxies are sent.
            RawPath = Uri.TryCreate(RawPath, UriKind.Absolute, out var uri) ? uri.AbsolutePath : "/";
        }

        Segments = RawPath.Split('/', StringSplitOptions.RemoveEmptyEntries);
    }

    public HttpContext Http { get; }

    public string Method => Http.Request.Method;

    /// <summary>The path as it was sent.</summary>
    public string RawPath { get; }

    /// <summary>Its segments, still encoded, without empty ones.</summary>
    public string[] Segments { get; }

    public CancellationToken Stop => Http.RequestAborted;

    public bool IsPostOrPut => Method is "POST" or "PUT";

    /// <summary>A segment as text; like daprd, with + for a space.</summary>
    public string Segment(int index) => WebUtility.UrlDecode(Segments[index]);

    /// <summary>The text of all segments from this one on.</summary>
    public string Rest(int index) => WebUtility.UrlDecode(string.Join('/', Segments.Skip(index)));

    /// <summary>The query's <c>metadata.</c> parameters, without that prefix.</summary>
    public Dictionary<string, string> Metadata()
    {
        var metadata = new Dictionary<string, string>();
        if (Http.Request.QueryString.HasValue)
        {
            foreach (var (name, values) in Http.Request.Query)
            {
                if (name.StartsWith("metadata.", StringComparison.Ordinal))
                {
                    metadata.TryAdd(name[9..], values[0] ?? "");
                }
            }
        }

        return metadata;
    }

    /// <summary>The whole body.</summary>
    /// <exception cref="BodyTooLargeException">It is larger than the sidecar takes.</exception>
    public async ValueTask<byte[]> Body()
    {
        if (Http.Request.ContentLength > _maxBodySize && _maxBodySize > 0)
        {
            throw new BodyTooLargeException();
        }

        var reader = Http.Request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(Stop);
            if (read.Buffer.Length > _maxBodySize && _maxBodySize > 0)
            {
                throw new BodyTooLargeException();
            }

            if (read.IsCompleted)
            {
                var body = read.Buffer.ToArray();
                reader.AdvanceTo(read.Buffer.End);
                return body;
            }

            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    /// <summary>The body as JSON.</summary>
    /// <exception cref="ApiException">It is not; 400.</exception>
    public async ValueTask<JsonDocument> Json(string prefix = "failed deserializing HTTP body: ")
    {
        try
        {
            return JsonDocument.Parse(await Body());
        }
        catch (Exception e) when (e is JsonException or BodyTooLargeException)
        {
            throw ApiException.Malformed(prefix + e.Message);
        }
    }

    /// <summary>Answers 204.</summary>
    public void Nothing() => Http.Response.StatusCode = StatusCodes.Status204NoContent;

    /// <summary>Answers JSON that is at hand as bytes.</summary>
    public ValueTask Answer(ReadOnlyMemory<byte> json, int status = StatusCodes.Status200OK)
    {
        var response = Http.Response;
        response.StatusCode = status;
        response.ContentType = "application/json";
        response.ContentLength = json.Length;
        response.BodyWriter.Write(json.Span);
        return default;
    }

    public ValueTask Answer(JsonNode json, int status = StatusCodes.Status200OK) => Answer(Encoding.UTF8.GetBytes(json.ToJsonString()), status);

    public ValueTask Answer(ApiException error)
    {
        var json = new JsonObject { ["errorCode"] = error.ErrorCode, ["message"] = error.Message };
        if (error.Details is not null)
        {
            json["details"] = error.Details.DeepClone();
        }

        return Answer(json, error.Status);
    }
}

/// <summary>A request's body is larger than <see cref="SidecarOptions.MaxBodySize"/>.</summary>
internal sealed class BodyTooLargeException() : Exception("stream too large");
