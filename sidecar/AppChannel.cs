using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Grpc.Net.Client;
using Lavka.Sidecar.Go;
using Lavka.Sidecar.Observability;

namespace Lavka.Sidecar;

/// <summary>The way to the app beside the sidecar: HTTP requests to an HTTP app, calls to a gRPC app.</summary>
internal sealed class AppChannel : IDisposable
{
    private readonly Metrics? _metrics;
    private readonly HttpMessageInvoker _http;
    private readonly GrpcChannel? _grpc;
    private readonly AppCalls? _calls;
    private readonly Version _version;
    private readonly string? _token;
    private readonly SemaphoreSlim? _slots;
    private readonly IPEndPoint? _endPoint;

    /// <param name="options">Where the app is, what it speaks, the token it gets, how many requests at once.</param>
    /// <param name="metrics">Counts the requests; null: nobody asks.</param>
    public AppChannel(SidecarOptions options, Metrics? metrics)
    {
        var secure = options.AppProtocol is AppProtocol.Https or AppProtocol.Grpcs;
        Address = new($"{(secure ? "https" : "http")}://{options.AppChannelAddress}:{options.AppPort}");
        Authority = Address.GetLeftPart(UriPartial.Authority);
        (_token, _metrics) = (string.IsNullOrEmpty(options.AppToken) ? null : options.AppToken, metrics);
        IsGrpc = options.AppProtocol is AppProtocol.Grpc or AppProtocol.Grpcs;
        _version = IsGrpc || options.AppProtocol is AppProtocol.H2C ? HttpVersion.Version20 : HttpVersion.Version11;
        _slots = options.AppMaxConcurrency is { } most ? new SemaphoreSlim(most) : null;
        _endPoint = IPAddress.TryParse(Address.Host, out var ip) ? new IPEndPoint(ip, Address.Port) : null;
        _http = new(new GoTransport(Connections()));
        if (IsGrpc)
        {
            var largest = options.MaxBodySize > 0 ? (int)Math.Min(options.MaxBodySize, int.MaxValue) : (int?)null;
            _grpc = GrpcChannel.ForAddress(Address, new() { HttpHandler = Connections(), DisposeHttpClient = true, MaxReceiveMessageSize = largest, MaxSendMessageSize = largest, LoggerFactory = options.Logs });
            _calls = new(this, _grpc.CreateCallInvoker(), _token, _slots, metrics);
        }
    }

    public Uri Address { get; }

    /// <summary>The address without a path: <c>http://127.0.0.1:5101</c>.</summary>
    public string Authority { get; }

    /// <summary>Whether the app serves gRPC: then it gets <see cref="Calls"/>, otherwise what <see cref="Send"/> sends.</summary>
    public bool IsGrpc { get; }

    /// <summary>Whether the app may be called; the health check tells.</summary>
    public bool IsHealthy { get; set; } = true;

    /// <summary>What is asked of a gRPC app.</summary>
    public AppCalls Calls => _calls ?? throw new InvalidOperationException("The app does not speak gRPC.");

    /// <summary>An address at the app.</summary>
    /// <param name="path">Percent-encoded, with a slash in front and a query if there is one.</param>
    public Uri At(string path) => new(Authority + path);

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

    /// <summary>Passes a gRPC call on to the app, with its token; whatever is thought of its health, and how many it has already, as in daprd. The answer's body is still to be read.</summary>
    /// <exception cref="HttpRequestException">The app cannot be reached, or speaks no HTTP/2.</exception>
    public async Task<HttpResponseMessage> Forward(HttpRequestMessage call, CancellationToken cancellationToken)
    {
        if (_token is not null)
        {
            call.Headers.TryAddWithoutValidation("dapr-api-token", _token);
        }

        return await Connected(call, HttpVersion.Version20, cancellationToken);
    }

    /// <summary>Asks for the app's health: without its token, and whatever is thought of it so far.</summary>
    /// <param name="path">Where an HTTP app tells its health; a gRPC app has <c>AppCallbackHealthCheck</c>.</param>
    /// <param name="timeout">How long it has to answer.</param>
    /// <param name="stop">Ends the question.</param>
    public async Task<bool> Probe(string path, TimeSpan timeout, CancellationToken stop)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stop);
        limit.CancelAfter(timeout);
        try
        {
            if (_calls is not null)
            {
                return await _calls.IsHealthy(limit.Token);
            }

            using var request = new HttpRequestMessage(HttpMethod.Get, At(path));
            using var response = await Connected(request, _version, limit.Token);
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

    public void Dispose()
    {
        _grpc?.Dispose();
        _http.Dispose();
        _slots?.Dispose();
    }

    // Like daprd, without a look at the app's certificate: it is beside the sidecar.
    private static SocketsHttpHandler Connections() => new()
    {
        AllowAutoRedirect = false,
        UseCookies = false,
        UseProxy = false,
        AutomaticDecompression = DecompressionMethods.None,
        ActivityHeadersPropagator = null,
        ConnectTimeout = TimeSpan.FromSeconds(5),
        PooledConnectionIdleTimeout = TimeSpan.FromMinutes(1),
        EnableMultipleHttp2Connections = true,
        SslOptions = { RemoteCertificateValidationCallback = (_, _, _, _) => true },
    };

    private Task<HttpResponseMessage> Connected(HttpRequestMessage request, Version version, CancellationToken stop)
    {
        (request.Version, request.VersionPolicy) = (version, HttpVersionPolicy.RequestVersionExact);
        return _http.SendAsync(request, stop);
    }

    private async Task<HttpResponseMessage> Counted(HttpRequestMessage request, CancellationToken stop)
    {
        if (_metrics is null)
        {
            return await Connected(request, _version, stop);
        }

        var started = Stopwatch.GetTimestamp();
        var status = 500;
        var sent = request.Content?.Headers.ContentLength;
        long? received = null;
        try
        {
            var response = await Connected(request, _version, stop);
            (status, received) = ((int)response.StatusCode, response.Content.Headers.ContentLength);
            return response;
        }
        finally
        {
            var elapsed = Stopwatch.GetElapsedTime(started);
            _metrics.Client(request.Method.Method, request.RequestUri!.AbsolutePath, status, elapsed, (received, sent));
        }
    }
}
