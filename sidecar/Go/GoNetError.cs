using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text.RegularExpressions;

namespace Lavka.Sidecar.Go;

/// <summary>Why an address could not be reached, in the words that daprd, being written in Go, has for it: applications log and match them.</summary>
internal static partial class GoNetError
{
    /// <summary>Of a connection.</summary>
    /// <param name="e">What .NET says.</param>
    /// <param name="address">Host and port, where they are known.</param>
    public static string Of(Exception e, string? address = null) => e.GetBaseException() is SocketException socket ? Of(socket, address) : e.Message;

    /// <summary>Of an HTTP request: <c>Get "http://127.0.0.1:5101/": dial tcp 127.0.0.1:5101: connect: connection refused</c>.</summary>
    public static string Of(Exception e, HttpRequestMessage request) => OfRequest(request.Method.Method, request.RequestUri!.OriginalString, Reason(e, request.RequestUri));

    /// <summary>A request's failure with its method and address.</summary>
    public static string OfRequest(string method, string url, string reason) =>
        $"{(method.Length == 0 ? "Get" : char.ToUpperInvariant(method[0]) + method[1..].ToLowerInvariant())} {GoText.Quote(url)}: {reason}";

    /// <summary>Of an answer that breaks off.</summary>
    public static string OfBody(Exception e) => e is HttpIOException { HttpRequestError: HttpRequestError.ResponseEnded } ? "unexpected EOF" : Of(e);

    private static string Reason(Exception e, Uri address) => e switch
    {
        OperationCanceledException => $"dial tcp {address.Host}:{address.Port}: i/o timeout",
        HttpRequestException { HttpRequestError: HttpRequestError.ResponseEnded } => "EOF",
        HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } => e.GetBaseException() is SocketException socket ? Of(socket, Endpoint(address)) : Tls(e.GetBaseException(), address.Host),
        HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse } when StatusLine().Match(e.Message) is { Success: true } line =>
            $"net/http: HTTP/1.x transport connection broken: malformed HTTP response {GoText.Quote(line.Groups[1].Value)}",
        HttpRequestException { HttpRequestError: HttpRequestError.Unknown, InnerException: { } inner } when e.GetBaseException() is not SocketException => inner.Message,
        _ => e.GetBaseException() is SocketException socket ? Of(socket, Endpoint(address)) : e.Message,
    };

    private static string Of(SocketException e, string? address)
    {
        var dial = address is null ? "dial tcp" : $"dial tcp {address}";
        return e.SocketErrorCode switch
        {
            SocketError.ConnectionRefused => $"{dial}: connect: connection refused",
            SocketError.TimedOut => $"{dial}: connect: connection timed out",
            SocketError.HostUnreachable => $"{dial}: connect: no route to host",
            SocketError.NetworkUnreachable => $"{dial}: connect: network is unreachable",
            SocketError.AccessDenied => $"{dial}: connect: permission denied",
            SocketError.HostNotFound or SocketError.NoData => $"dial tcp: lookup {HostOf(address)}: no such host",
            SocketError.TryAgain => $"dial tcp: lookup {HostOf(address)}: i/o timeout",
            SocketError.ConnectionReset => $"read tcp {address}: read: connection reset by peer",
            SocketError.Shutdown => $"write tcp {address}: write: broken pipe",
            _ => e.Message,
        };
    }

    private static string Tls(Exception e, string host) => e switch
    {
        AuthenticationException when e.Message.Contains("frame", StringComparison.Ordinal) => "http: server gave HTTP response to HTTPS client",
        AuthenticationException when e.Message.Contains("NotTimeValid", StringComparison.Ordinal) => "tls: failed to verify certificate: x509: certificate has expired or is not yet valid",
        AuthenticationException when e.Message.Contains("NameMismatch", StringComparison.Ordinal) => $"tls: failed to verify certificate: x509: certificate is not valid for {host}",
        AuthenticationException when e.Message.Contains("PartialChain", StringComparison.Ordinal) || e.Message.Contains("UntrustedRoot", StringComparison.Ordinal)
            || e.Message.Contains("ChainErrors", StringComparison.Ordinal) => "tls: failed to verify certificate: x509: certificate signed by unknown authority",
        IOException => "EOF",
        _ => e.Message,
    };

    /// <summary>The address that Go would name: of a host that has several, the first.</summary>
    private static string Endpoint(Uri address)
    {
        if (address.HostNameType is UriHostNameType.Dns)
        {
            try
            {
                if (Dns.GetHostAddresses(address.Host) is [var first, ..])
                {
                    return new IPEndPoint(first, address.Port).ToString();
                }
            }
            catch (SocketException)
            {
                // It has none, which is then the failure.
            }
        }

        return string.Create(CultureInfo.InvariantCulture, $"{address.Host}:{address.Port}");
    }

    private static string HostOf(string? address) => address?[..(address.LastIndexOf(':') is >= 0 and var colon ? colon : address.Length)] ?? "";

    [GeneratedRegex("^Received an invalid status line: '(.*)'\\.", RegexOptions.Singleline)]
    private static partial Regex StatusLine();
}
