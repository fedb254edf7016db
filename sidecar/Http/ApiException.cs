using System.Text.Json.Nodes;

namespace Lavka.Sidecar.Http;

/// <summary>The Dapr API answers an error: <c>{"errorCode","message"}</c>, newer ones with <c>details</c> (Dapr: reference/errors).</summary>
internal sealed class ApiException(int status, string errorCode, string message, JsonArray? details = null) : Exception(message)
{
    public int Status { get; } = status;

    public string ErrorCode { get; } = errorCode;

    public JsonArray? Details { get; } = details;

    /// <summary>Headers that go with the answer.</summary>
    public IReadOnlyList<KeyValuePair<string, string>> Headers { get; init; } = [];

    /// <summary>The errors of pub/sub and state stores, which carry a reason and what they are about.</summary>
    public static ApiException Detailed(int status, string errorCode, string message, string reason, JsonObject? metadata, JsonObject? about = null, JsonObject? violations = null)
    {
        var details = new JsonArray();
        foreach (var detail in new[] { violations, about })
        {
            if (detail is not null)
            {
                details.Add((JsonNode)detail);
            }
        }

        details.Add((JsonNode)new JsonObject
        {
            ["@type"] = "type.googleapis.com/google.rpc.ErrorInfo",
            ["domain"] = "dapr.io",
            ["metadata"] = metadata,
            ["reason"] = reason,
        });
        return new(status, errorCode, message, details);
    }

    /// <summary>What an error is about: a component.</summary>
    public static JsonObject Resource(string type, string name, string description = "") => new()
    {
        ["@type"] = "type.googleapis.com/google.rpc.ResourceInfo",
        ["description"] = description,
        ["owner"] = "",
        ["resource_name"] = name,
        ["resource_type"] = type,
    };

    public static ApiException Malformed(string message) => new(400, "ERR_MALFORMED_REQUEST", message);
}
