using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Lavka.Sidecar.Observability;

namespace Lavka.Sidecar;

/// <summary>The way to the app beside the sidecar.</summary>
internal sealed class AppChannel : IDisposable
{
    private readonly Metrics? _metrics;
    private readonly HttpMessageInvoker _http;
    private readonly string? _token;
    private readonly SemaphoreSlim? _slots;
    private readonly IPEndPoint? _endPoint;

    /// <param name="address">For example <c>http://127.0.0.1:5101</c>.</param>
    /// <param name="token">Sent to the app as <c>dapr-api-token</c>.</param>
    /// <param name="maxConcurrency">How many requests at once; null: no limit.</param>
    /// <param name="http">The connections to use.</param>
    /// <param name="metrics">Counts the requests; null: nobody asks.</param>
    public AppChannel(Uri address, string? token, int? maxConcurrency, HttpMessageInvoker http, Metrics? metrics)
    {
        (Address, _token, _http, _metrics) = (address, token, http, metrics);
        _slots = maxConcurrency is { } most ? new SemaphoreSlim(most) : null;
        _endPoint = IPAddress.TryParse(address.Host, out var ip) ? new IPEndPoint(ip, address.Port) : null;
    }

    public Uri Address { get; }

    /// <summary>Whether the app may be called; the health check tells.</summary>
    public bool IsHealthy { get; set; } = true;

    /// <summary>An address at the app.</summary>
    /// <param name="path">Percent-encoded, with a slash in front and a query if there is one.</param>
    public Uri At(string path) => new(Address.GetLeftPart(UriPartial.Authority) + path);

    /// <summary>Sends a request; the answer's body is still to be read.</summary>
    /// <exception cref="HttpRequestException">The app cannot be reached, or is not healthy.</exception>
    public async Task<HttpResponseMessage> Send(HttpRequestMessage request, CancellationToken stop)
    {
        if (!IsHealthy)
        {
            throw new HttpRequestException("rpc error: code = Internal desc = app is not in a healthy state");
        }

        if (_token is not null)
        {
            request.Headers.Remove("dapr-api-token");
            request.Headers.TryAddWithoutValidation("dapr-api-token", _token);
        }

        if (_slots is null)
        {
            return await Counted(request, stop);
        }

        await _slots.WaitAsync(stop);
        try
        {
            return await Counted(request, stop);
        }
        finally
        {
            _slots.Release();
        }
    }

    /// <summary>Asks for the app's health: without its token, and whatever is thought of it so far.</summary>
    public async Task<bool> Probe(string path, TimeSpan timeout, CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(timeout);
        try
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, At(path));
            using var response = await Connected(request, limit.Token);
            return response.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException || (e is OperationCanceledException && !stop.IsCancellationRequested))
        {
            return false;
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

    // .NET lets the socket's own exception out when the app dies in the moment of connecting.
    private async Task<HttpResponseMessage> Connected(HttpRequestMessage request, CancellationToken stop)
    {
        try
        {
            return await _http.SendAsync(request, stop);
        }
        catch (SocketException e)
        {
            throw new HttpRequestException(e.Message, e);
        }
    }

    private async Task<HttpResponseMessage> Counted(HttpRequestMessage request, CancellationToken stop)
    {
        if (_metrics is null)
        {
            return await Connected(request, stop);
        }

        var started = Stopwatch.GetTimestamp();
        var status = 500;
        try
        {
            var response = await Connected(request, stop);
            status = (int)response.StatusCode;
            return response;
        }
        finally
        {
            _metrics.Client(request.Method.Method, request.RequestUri!.AbsolutePath, status, Stopwatch.GetElapsedTime(started));
        }
    }
}
