using System.Buffers;
using System.Text.RegularExpressions;

namespace Lavka.Sidecar.Go;

/// <summary>URLs as Go's net/url reads them, with its words for what is none.</summary>
internal static partial class GoUrl
{
    private static readonly SearchValues<char> HostLetters = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~!$&'()*+,;=:[]<>\"%");

    /// <summary>The address of an HTTP request.</summary>
    /// <param name="method">The request's method.</param>
    /// <param name="url">The address.</param>
    /// <exception cref="FormatException">There can be no request to it.</exception>
    public static Uri Parse(string method, string url)
    {
        Check(url);
        var (scheme, host, port) = Parts().Match(url) is { Success: true } parts ? (parts.Groups[1].Value.ToLowerInvariant(), parts.Groups[2].Value, parts.Groups[3].Value) : ("", "", "");
        return scheme is not ("http" or "https") ? throw Failed($"unsupported protocol scheme {GoText.Quote(scheme)}")
            : host.Length == 0 ? throw Failed("http: no Host in request URL")
            : port.Length > 0 && (port.Length > 5 || int.Parse(port, System.Globalization.CultureInfo.InvariantCulture) > 65535) ? throw Failed($"dial tcp: address {port}: invalid port")
            : Uri.TryCreate(url, UriKind.Absolute, out var uri) ? uri
            : throw Failed($"dial tcp: lookup {host}: no such host");

        FormatException Failed(string reason) => new(GoNetError.OfRequest(method, url, reason));
    }

    /// <exception cref="FormatException">It is none.</exception>
    public static void Check(string url)
    {
        if (Problem(url) is { } problem)
        {
            throw new FormatException($"parse {GoText.Quote(url)}: {problem}");
        }
    }

    /// <summary>Why Go does not parse it; null: it does.</summary>
    private static string? Problem(string url)
    {
        if (url.Any(letter => letter is < ' ' or '\x7f'))
        {
            return "net/url: invalid control character in URL";
        }

        var rest = url.Split('#', 2)[0].Split('?', 2)[0];
        var slashes = rest.IndexOf("://", StringComparison.Ordinal);
        var path = slashes < 0 ? rest : "";
        if (slashes >= 0)
        {
            var start = slashes + 3;
            var end = rest.IndexOf('/', start) is >= 0 and var slash ? slash : rest.Length;
            path = rest[end..];
            if (HostProblem(rest[start..end]) is { } problem)
            {
                return problem;
            }
        }

        var escape = WrongEscape().Match(path);
        return escape.Success ? $"invalid URL escape {GoText.Quote(escape.Value)}" : null;
    }

    private static string? HostProblem(string authority)
    {
        var host = authority[(authority.LastIndexOf('@') + 1)..];
        var bracket = host.LastIndexOf(']');
        if (host.StartsWith('[') && bracket < 0)
        {
            return "missing ']' in host";
        }

        var colon = host.StartsWith('[') ? bracket + 1 : host.LastIndexOf(':') is >= 0 and var last ? last : host.Length;
        var port = host[colon..];
        return port.Length > 0 && (port[0] != ':' || port.AsSpan(1).ContainsAnyExceptInRange('0', '9')) ? $"invalid port {GoText.Quote(port)} after host"
            : host.AsSpan().IndexOfAnyExcept(HostLetters) is >= 0 and var at && char.IsAscii(host[at]) ? $"invalid character {GoText.Quote(host[at].ToString())} in host name"
            : null;
    }

    [GeneratedRegex(@"^([A-Za-z][A-Za-z0-9+.-]*)://(?:[^/?#]*@)?(\[[^\]]*\]|[^/?#:]*)(?::(\d*))?")]
    private static partial Regex Parts();

    [GeneratedRegex("%(?![0-9A-Fa-f]{2}).{0,2}")]
    private static partial Regex WrongEscape();
}
