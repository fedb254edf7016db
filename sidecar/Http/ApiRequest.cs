using System.Buffers;
using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;
using Lavka.Sidecar.Observability;
using Microsoft.AspNetCore.Http.Features;

namespace Lavka.Sidecar.Http;

/// <summary>A request to the Dapr API, with its path in encoded segments: <c>k%2F1</c> is one.</summary>
internal sealed class ApiRequest
{
    // As deep as Go's decoder goes would be 10,000; the writer's stack ends before.
    public const int MaxDepth = 1000;

    private static readonly JsonDocumentOptions Deep = new() { MaxDepth = MaxDepth };
    private static readonly JsonSerializerOptions Relaxed = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

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

        if (RawPath.Contains("/.", StringComparison.Ordinal))
        {
            RawPath = GoPath.Clean(RawPath);
        }

        Segments = RawPath.Split('/', StringSplitOptions.RemoveEmptyEntries);
    }

    public HttpContext Http { get; }

    /// <summary>The request's span; null without tracing.</summary>
    public Activity? Trace { get; set; }

    /// <summary>The trace the request belongs to: its span, or what the caller sent.</summary>
    public (string TraceParent, string TraceState) TraceContext => Telemetry.ContextOf(Trace, Http.Request);

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
            return FirstValue(await Body());
        }
        catch (Exception e) when (e is JsonException or BodyTooLargeException)
        {
            throw ApiException.Malformed(prefix + e.Message);
        }
    }

    /// <summary>The body as JSON; an empty one is an empty object, as protojson reads it.</summary>
    /// <exception cref="ApiException">It is no JSON; 400.</exception>
    public async ValueTask<JsonDocument> JsonOrEmpty()
    {
        try
        {
            var body = await Body();
            return FirstValue(body.Length == 0 ? "{}"u8.ToArray() : body);
        }
        catch (Exception e) when (e is JsonException or BodyTooLargeException)
        {
            throw ApiException.Malformed($"failed deserializing HTTP body: {e.Message}");
        }
    }

    /// <summary>The first JSON value of a body; what follows it does not count, as in Go's decoder.</summary>
    /// <exception cref="JsonException">There is none.</exception>
    public static JsonDocument FirstValue(ReadOnlyMemory<byte> body)
    {
        if (!Utf8.IsValid(body.Span))
        {
            // Go replaces what is no UTF-8.
            body = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(body.Span));
        }

        if (body.Span.IndexOf("\\ud"u8) >= 0 || body.Span.IndexOf("\\uD"u8) >= 0)
        {
            body = Encoding.UTF8.GetBytes(WithoutLoneSurrogates(Encoding.UTF8.GetString(body.Span)));
        }

        try
        {
            return JsonDocument.Parse(body, Deep);
        }
        catch (JsonException)
        {
            // Perhaps it is followed by something.
            var reader = new Utf8JsonReader(body.Span, new JsonReaderOptions { MaxDepth = MaxDepth });
            try
            {
                reader.Read();
                reader.Skip();
                return JsonDocument.Parse(body[..(int)reader.BytesConsumed], Deep);
            }
            catch (JsonException e)
            {
                throw new JsonException(GoJsonSyntax.ProblemOf(body.Span) ?? e.Message);
            }
        }
    }

    /// <summary>JSON in which an escaped half of a surrogate pair is U+FFFD, as Go reads it.</summary>
    private static string WithoutLoneSurrogates(string json)
    {
        var text = new StringBuilder(json);
        for (var i = 0; i + 1 < text.Length; i++)
        {
            if (text[i] != '\\')
            {
                continue;
            }

            if (IsSurrogate(text, i, high: true) && IsSurrogate(text, i + 6, high: false))
            {
                i += 11;
            }
            else if (IsSurrogate(text, i, high: true) || IsSurrogate(text, i, high: false))
            {
                text.Remove(i + 2, 4).Insert(i + 2, "fffd");
                i += 5;
            }
            else
            {
                i++;
            }
        }

        return text.ToString();
    }

    /// <summary>Whether there is <c>\ud8xx</c> to <c>\udbxx</c>, or <c>\udcxx</c> to <c>\udfxx</c>, at this place.</summary>
    private static bool IsSurrogate(StringBuilder text, int at, bool high) => at + 5 < text.Length && text[at] == '\\' && text[at + 1] == 'u' && text[at + 2] is 'd' or 'D'
        && char.IsAsciiHexDigit(text[at + 4]) && char.IsAsciiHexDigit(text[at + 5]) && char.ToLowerInvariant(text[at + 3]) is var digit && (high ? digit is '8' or '9' or 'a' or 'b' : digit is >= 'c' and <= 'f');

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

    public ValueTask Answer(JsonNode json, int status = StatusCodes.Status200OK) => Answer(Encoding.UTF8.GetBytes(json.ToJsonString(Relaxed)), status);

    public ValueTask Answer(ApiException error)
    {
        var json = new JsonObject { ["errorCode"] = error.ErrorCode, ["message"] = error.Message };
        if (error.Details is not null)
        {
            json["details"] = error.Details.DeepClone();
        }

        foreach (var (name, value) in error.Headers)
        {
            Http.Response.Headers[name] = value;
        }

        return Answer(json, error.Status);
    }
}

/// <summary>A request's body is larger than <see cref="SidecarOptions.MaxBodySize"/>.</summary>
internal sealed class BodyTooLargeException() : Exception("stream too large");
