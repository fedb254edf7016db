using System.Net.Sockets;

namespace Lavka.Sidecar.Go;

/// <summary>Sends HTTP requests, and tells what went wrong as daprd does, whose client is Go's.</summary>
/// <param name="inner">The connections.</param>
internal sealed class GoTransport(SocketsHttpHandler inner) : DelegatingHandler(inner)
{
    // How many redirects Go's client follows.
    public const int MaxRedirects = 10;

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        HttpResponseMessage response;

        // .NET lets the socket's own exception out when the other side dies in the moment of connecting, and a cancellation when connecting takes too long.
        try
        {
            response = await base.SendAsync(request, cancellationToken);
        }
        catch (Exception e) when (e is HttpRequestException or SocketException or IOException or Http.BodyTooLargeException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            throw new HttpRequestException(e is HttpRequestException { HttpRequestError: var error } ? error : HttpRequestError.ConnectionError, GoNetError.Of(e, request), e.InnerException ?? e);
        }

        if (inner.AllowAutoRedirect && response is { StatusCode: >= (System.Net.HttpStatusCode)301 and <= (System.Net.HttpStatusCode)308, Headers.Location: { } location } && IsFollowed(request.RequestUri!, location))
        {
            response.Dispose();
            throw new HttpRequestException(GoNetError.OfRequest("GET", location.OriginalString, $"stopped after {MaxRedirects} redirects"));
        }

        return response;
    }

    // .NET does not go from TLS to plain text, and answers the redirect.
    private static bool IsFollowed(Uri from, Uri to) => !to.IsAbsoluteUri || from.Scheme == Uri.UriSchemeHttp || to.Scheme == Uri.UriSchemeHttps;
}
