namespace Lavka.Sidecar;

/// <summary>The names of <see cref="AppProtocol"/> on daprd's command line and in run files.</summary>
public static class AppProtocols
{
    /// <summary>The names there are.</summary>
    public const string Allowed = "http, https, h2c, grpc and grpcs";

    /// <summary>Reads a name, in any case; null: there is no such protocol.</summary>
    /// <param name="name">The name; empty: HTTP.</param>
    /// <param name="secure">Whether the app has TLS (<c>--app-ssl</c>, deprecated in Dapr).</param>
    public static AppProtocol? Parse(string name, bool secure = false) => name.ToLowerInvariant() switch
    {
        "http" or "" => secure ? AppProtocol.Https : AppProtocol.Http,
        "https" => AppProtocol.Https,
        "h2c" => AppProtocol.H2C,
        "grpc" => secure ? AppProtocol.Grpcs : AppProtocol.Grpc,
        "grpcs" => AppProtocol.Grpcs,
        _ => null,
    };
}
