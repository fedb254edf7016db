using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Http;

namespace Dapr;

/// <summary>Takes events out of their CloudEvents envelope: the endpoint sees the data as if it had been posted.</summary>
internal sealed class CloudEventsMiddleware(RequestDelegate next, CloudEventsMiddlewareOptions options)
{
    private const string ContentType = "application/cloudevents+json";

    public Task InvokeAsync(HttpContext context) =>
        context.Request.ContentType is { } type && type.StartsWith(ContentType, StringComparison.Ordinal) &&
        MediaTypeHeaderValue.TryParse(type, out var parsed) && parsed.MediaType == ContentType
            ? Unwrap(context)
            : next(context);

    private async Task Unwrap(HttpContext context)
    {
        var request = context.Request;
        using var envelope = await JsonDocument.ParseAsync(request.Body, cancellationToken: context.RequestAborted);
        JsonElement? data = null, base64 = null;
        string? dataContentType = null;
        foreach (var member in envelope.RootElement.EnumerateObject())
        {
            if (member.Name.Equals("data", StringComparison.OrdinalIgnoreCase))
            {
                data ??= member.Value;
            }
            else if (member.Name.Equals("data_base64", StringComparison.OrdinalIgnoreCase))
            {
                base64 ??= member.Value;
            }
            else if (member.Name.Equals("datacontenttype", StringComparison.OrdinalIgnoreCase) && member.Value.ValueKind == JsonValueKind.String)
            {
                dataContentType ??= member.Value.GetString();
            }
            else if (options.ForwardCloudEventPropertiesAsHeaders && IsForwarded(member.Name))
            {
                request.Headers.TryAdd("Cloudevent." + member.Name.ToLowerInvariant(), member.Value.ValueKind == JsonValueKind.String ? member.Value.GetString() : member.Value.GetRawText());
            }
        }

        if (data is not null && base64 is not null)
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
            return;
        }

        var contentType = dataContentType is not null && MediaTypeHeaderValue.TryParse(dataContentType, out var parsed) ? parsed.MediaType! : "application/json";
        var body = base64?.GetBytesFromBase64()
            ?? (data is not { } json ? []
                : json.ValueKind != JsonValueKind.String || contentType == "application/json" || options.SuppressJsonDecodingOfTextPayloads ? Encoding.UTF8.GetBytes(json.GetRawText())
                : Encoding.UTF8.GetBytes(json.GetString()!));

        var (originalBody, originalType) = (request.Body, request.ContentType);
        try
        {
            request.Body = new MemoryStream(body);
            request.ContentType = data is null && base64 is null ? null : contentType;
            await next(context);
        }
        finally
        {
            request.Body = originalBody;
            request.ContentType = originalType;
        }
    }

    private bool IsForwarded(string name) =>
        !name.Equals("pubsubname", StringComparison.OrdinalIgnoreCase) && !name.Equals("traceparent", StringComparison.OrdinalIgnoreCase)
        && (options.IncludedCloudEventPropertiesAsHeaders is { } included
            ? included.Contains(name, StringComparer.OrdinalIgnoreCase)
            : options.ExcludedCloudEventPropertiesFromHeaders?.Contains(name, StringComparer.OrdinalIgnoreCase) != true);
}
