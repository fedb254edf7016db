using System.Net;
using System.Text.Json;

namespace Dapr;

/// <summary>Reads what Dapr's API answers when something goes wrong.</summary>
internal static class DaprErrors
{
    public static async Task<DaprApiException> Read(HttpResponseMessage response, CancellationToken stop)
    {
        var text = await response.Content.ReadAsStringAsync(stop).ConfigureAwait(false);
        var isTransient = response.StatusCode >= HttpStatusCode.InternalServerError;
        try
        {
            using var json = JsonDocument.Parse(text);
            if (json.RootElement.ValueKind == JsonValueKind.Object && json.RootElement.TryGetProperty("errorCode", out var code))
            {
                return new(json.RootElement.TryGetProperty("message", out var message) ? message.ToString() : text, code.ToString(), isTransient);
            }
        }
        catch (JsonException)
        {
            // Not Dapr's own error: its text says more than we can.
        }

        return new($"HTTP {(int)response.StatusCode}: {text}", "UNKNOWN", isTransient);
    }
}
