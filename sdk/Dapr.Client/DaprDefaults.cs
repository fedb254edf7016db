using System.Globalization;

namespace Dapr;

/// <summary>Where the sidecar is and what it wants to be told, from the environment.</summary>
internal static class DaprDefaults
{
    public const string ApiTokenHeader = "dapr-api-token";

    public static string HttpEndpoint
    {
        get
        {
            var endpoint = Environment.GetEnvironmentVariable("DAPR_HTTP_ENDPOINT");
            if (!string.IsNullOrWhiteSpace(endpoint))
            {
                return new Uri(endpoint).GetLeftPart(UriPartial.Authority);
            }

            var port = int.Parse(Environment.GetEnvironmentVariable("DAPR_HTTP_PORT") is { Length: > 0 } text ? text : "3500", CultureInfo.InvariantCulture);

            // Not "localhost": resolving that tries ::1 first, at each new connection.
            return $"http://127.0.0.1:{port}";
        }
    }

    public static string? ApiToken => Environment.GetEnvironmentVariable("DAPR_API_TOKEN") is { Length: > 0 } token ? token : null;

    public static string AppToken => Environment.GetEnvironmentVariable("APP_API_TOKEN") ?? "";
}
