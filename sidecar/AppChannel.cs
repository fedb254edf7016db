using System.Net;
using System.Net.Sockets;

namespace Lavka.Sidecar;

/// <summary>The way to the app beside the sidecar.</summary>
internal sealed class AppChannel : IDisposable
{
    private readonly HttpMessageInvoker _http;
    private readonly string? _token;
    private readonly SemaphoreSlim? _slots;
    private readonly IPEndPoint? _endPoint;

    /// <param name="address">For example <c>http://127.0.0.1:5101</c>.</param>
    /// <param name="token">Sent to the app as <c>dapr-api-token</c>.</param>
    /// <param name="maxConcurrency">How many requests at once; null: no limit.</param>
    /// <param name="http">The connections to use.</param>
    public AppChannel(Uri address, string? token, int? maxConcurrency, HttpMessageInvoker http)
    {
        (Address, _token, _http) = (address, token, http);
        _slots = maxConcurrency is { } most ? new SemaphoreSlim(most) : null;
        _endPoint = IPAddress.TryParse(address.Host, out var ip) ? new IPEndPoint(ip, address.Port) : null;
    }

    public Uri Address { get; }

    /// <summary>An address at the app.</summary>
    /// <param name="path">Percent-encoded, with a slash in front and a query if there is one.</param>
    public Uri At(string path) => new(Address.GetLeftPart(UriPartial.Authority) + path);

    /// <summary>Sends a request; the answer's body is still to be read.</summary>
    public async Task<HttpResponseMessage> Send(HttpRequestMessage request, CancellationToken stop)
    {
        if (_token is not null)
        {
            request.Headers.Remove("dapr-api-token");
            request.Headers.TryAddWithoutValidation("dapr-api-token", _token);
        }

        if (_slots is null)
        {
            return await _http.SendAsync(request, stop);
        }

        await _slots.WaitAsync(stop);
        try
        {
            return await _http.SendAsync(request, stop);
        }
        finally
        {
            _slots.Release();
        }
    }

    /// <summary>Whether something listens at the app's port.</summary>
    public async Task<bool> IsListening(CancellationToken stop)
    {
        try
        {
            using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
            await (_endPoint is null ? socket.ConnectAsync(Address.Host, Address.Port, stop) : socket.ConnectAsync(_endPoint, stop));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    public void Dispose() => _slots?.Dispose();
}
