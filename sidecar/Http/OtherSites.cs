using System.Net;

namespace Lavka.Sidecar.Http;

/// <summary>
/// Keeps out what a page of another site makes a browser send to this machine, which daprd takes: a page can post without being asked whether it may, and after its name was bound to 127.0.0.1
/// read the answers, too (DNS rebinding). What carries a header that a page cannot send unasked comes from a program, for instance from an app that passes its visitors' requests on.
/// </summary>
/// <param name="options"><see cref="SidecarOptions.AllowedOrigins"/>, and where the API listens.</param>
internal sealed class OtherSites(SidecarOptions options)
{
    private const string Everybody = "*";

    private static readonly string[] NeverUnasked = ["dapr-api-token", "dapr-app-id", "Forwarded", "traceparent", "X-Forwarded-For", "X-Forwarded-Host"];

    private readonly bool _letsEverybodyIn = options.AllowedOrigins.Contains(Everybody);
    private readonly bool _isLocal = options.ListenAddresses.Count == 0 && options.UnixDomainSocket is null;

    /// <exception cref="ApiException">403: it comes from another site.</exception>
    public void Check(HttpRequest request)
    {
        if (_letsEverybodyIn)
        {
            return;
        }

        if (_isLocal && !IsThisMachine(request.Host.Host))
        {
            throw Refused($"the host '{request.Host.Host}'");
        }

        var headers = request.Headers;
        if ((headers.Origin.Count == 0 && headers["Sec-Fetch-Site"].Count == 0) || Array.Exists(NeverUnasked, headers.ContainsKey))
        {
            return;
        }

        var origin = headers.Origin.ToString();
        var isOwn = origin.Length == 0 ? headers["Sec-Fetch-Site"].ToString() is "same-origin" or "none" : origin == $"{request.Scheme}://{request.Host}";
        if (!isOwn && !options.AllowedOrigins.Contains(origin, StringComparer.OrdinalIgnoreCase))
        {
            throw Refused(origin.Length == 0 ? "another site" : $"the origin '{origin}'");
        }
    }

    private static bool IsThisMachine(string host) => host.Length == 0 || host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || host.EndsWith(".localhost", StringComparison.OrdinalIgnoreCase) || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));

    private static ApiException Refused(string what) =>
        new(StatusCodes.Status403Forbidden, "ERR_ORIGIN_FORBIDDEN", $"{what} is not let in by a browser; allow it with --allowed-origins, or all with --allowed-origins \"*\", as daprd does");
}
