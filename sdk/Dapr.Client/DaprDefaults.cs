using System.Globalization;

namespace Dapr;

/// <summary>Where the sidecar is and what it wants to be told: from the app's configuration, if it is at hand and says so, or from the environment.</summary>
internal static class DaprDefaults
{
    public const string ApiTokenHeader = "dapr-api-token";

    public static string HttpEndpoint(Func<string, string?>? configuration = null)
    {
        var endpoint = Setting("DAPR_HTTP_ENDPOINT", configuration);
        if (!string.IsNullOrWhiteSpace(endpoint))
        {
            return new Uri(endpoint).GetLeftPart(UriPartial.Authority);
        }

        var port = int.Parse(Setting("DAPR_HTTP_PORT", configuration) is { Length: > 0 } text ? text : "3500", CultureInfo.InvariantCulture);

        // Not "localhost": resolving that tries ::1 first, at each new connection.
        return $"http://127.0.0.1:{port}";
    }

    public static string? ApiToken(Func<string, string?>? configuration = null) => Setting("DAPR_API_TOKEN", configuration) is { Length: > 0 } token ? token : null;

    private static string? Setting(string name, Func<string, string?>? configuration) => configuration?.Invoke(name) ?? Environment.GetEnvironmentVariable(name);
}
