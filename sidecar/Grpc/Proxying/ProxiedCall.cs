using System.Globalization;
using Grpc.Core;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.Resiliency;

namespace Lavka.Sidecar.Grpc.Proxying;

/// <summary>One call on its way to an app: bytes that nobody looks into.</summary>
internal sealed class ProxiedCall : IDisposable
{
    private readonly HttpContext _http;
    private readonly AppChannel _app;
    private readonly ProxiedRequest _request;
    private readonly MessageFrames _answered;
    private readonly CancellationTokenSource _ends;
    private readonly TimeSpan? _deadline;
    private readonly bool _isKept;
    private bool _hasBegun;

    /// <param name="http">The call.</param>
    /// <param name="app">Where it goes.</param>
    /// <param name="largest">How long a message may be.</param>
    /// <param name="isKept">Whether it may be made again.</param>
    public ProxiedCall(HttpContext http, AppChannel app, long largest, bool isKept)
    {
        (_http, _app, _isKept) = (http, app, isKept);
        _ends = CancellationTokenSource.CreateLinkedTokenSource(http.RequestAborted);
        _deadline = http.Request.Headers["grpc-timeout"] is [{ } timeout, ..] ? TimeoutOf(timeout) : null;
        _request = new(http.Request.BodyReader, new(largest), isKept, _ends.Token);
        _answered = new(largest);
    }

    /// <summary>The app that calls, where the callee is another.</summary>
    public string? CallerId { get; set; }

    public string? CalleeId { get; set; }

    /// <summary>The trace that another app's sidecar, and that app, get.</summary>
    public CallTrace Trace { get; set; }

    /// <summary>Passes the call on, and what is answered back; under a policy as often as it says.</summary>
    /// <returns>How it ended.</returns>
    public async Task<Status> Run(string path, Policy policy)
    {
        using var timer = _deadline is { } limit ? new Timer(_ => _ends.Cancel(), null, limit, Timeout.InfiniteTimeSpan) : null;
        using var end = await Ended(path, policy);
        if (end.Response is null)
        {
            GrpcProxy.Write(new(end.Status), _http.Response);
            return end.Status;
        }

        Begin(end.Response);
        foreach (var (name, values) in end.Response.TrailingHeaders.NonValidated)
        {
            _http.Response.AppendTrailer(name, values.ToArray());
        }

        return end.Status;
    }

    public void Dispose()
    {
        _ends.Cancel();
        _ends.Dispose();
    }

    /// <summary>Hours, minutes, seconds, milli-, micro- or nanoseconds (grpc.io: PROTOCOL-HTTP2, Timeout).</summary>
    private static TimeSpan? TimeoutOf(string text)
    {
        if (text.Length < 2 || !long.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.None, CultureInfo.InvariantCulture, out var value))
        {
            return null;
        }

        var ticks = text[^1] switch
        {
            'H' => TimeSpan.TicksPerHour,
            'M' => TimeSpan.TicksPerMinute,
            'S' => TimeSpan.TicksPerSecond,
            'm' => TimeSpan.TicksPerMillisecond,
            'u' => TimeSpan.TicksPerMicrosecond,
            _ => 0,
        };
        var longest = TimeSpan.FromDays(40);
        return ticks == 0 ? TimeSpan.FromTicks(value / TimeSpan.NanosecondsPerTick) : value > longest.Ticks / ticks ? longest : TimeSpan.FromTicks(value * ticks);
    }

    private async ValueTask<ProxiedEnd> Ended(string path, Policy policy)
    {
        try
        {
            return await policy.Run(token => Try(path, token), _ends.Token);
        }
        catch (TimeoutException e)
        {
            return new() { Status = new(StatusCode.DeadlineExceeded, e.Message) };
        }
        catch (CircuitBreakerException e)
        {
            return new() { Status = new(StatusCode.Unknown, e.Message) };
        }
        catch (OperationCanceledException) when (!_http.RequestAborted.IsCancellationRequested && _ends.IsCancellationRequested)
        {
            return new() { Status = new(StatusCode.DeadlineExceeded, "context deadline exceeded") };
        }
    }

    private async ValueTask<Attempt<ProxiedEnd>> Try(string path, CancellationToken cancellationToken)
    {
        if (_hasBegun)
        {
            // The try before ran out of time in the middle of its answer.
            return new(new() { Status = new(StatusCode.DeadlineExceeded, "context deadline exceeded") });
        }

        HttpResponseMessage? response = null;
        try
        {
            using var message = Message(path);
            response = await _app.Forward(message, cancellationToken);
            if (ProxiedAnswer.Refusal(response) is { } refusal)
            {
                response.Dispose();
                return Failed(refusal);
            }

            await Copy(response, cancellationToken);
            if (ProxiedAnswer.StatusOf(response) is not { } status)
            {
                response.Dispose();
                return Failed(ProxiedAnswer.NoTrailers);
            }

            return new(new() { Status = status, Response = response }, Failed: status.StatusCode != StatusCode.OK && !(_isKept && _hasBegun), (int)status.StatusCode);
        }
        catch (Exception) when (_request.Refusal is not null)
        {
            response?.Dispose();
            return new(new() { Status = _request.Refusal.Status });
        }
        catch (RpcException e)
        {
            response?.Dispose();
            return new(new() { Status = e.Status });
        }
        catch (Exception e) when (e is HttpRequestException or IOException or OperationCanceledException && !cancellationToken.IsCancellationRequested)
        {
            // Cancelled by others than the caller: sending the messages ended with the connection.
            response?.Dispose();
            return Failed(ProxiedAnswer.Failure(e, _app.Address.Authority));
        }
    }

    private Attempt<ProxiedEnd> Failed(Status status) => new(new() { Status = status }, Failed: !(_isKept && _hasBegun), (int)status.StatusCode);

    private HttpRequestMessage Message(string path)
    {
        var message = new HttpRequestMessage(HttpMethod.Post, _app.At(path)) { Content = _request.ToContent() };
        foreach (var (name, values) in _http.Request.Headers)
        {
            if (!IsForwarded(name))
            {
                continue;
            }

            if (!message.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values))
            {
                message.Content.Headers.TryAddWithoutValidation(name, (IEnumerable<string?>)values);
            }
        }

        if (CallerId is not null)
        {
            // What a caller claims to be stays; it is not believed by anyone.
            message.Headers.TryAddWithoutValidation("dapr-caller-app-id", CallerId);
            message.Headers.TryAddWithoutValidation("dapr-callee-app-id", CalleeId);
            if (Trace.IsOn)
            {
                message.Headers.TryAddWithoutValidation("traceparent", Trace.TraceParent);
                message.Headers.Remove("grpc-trace-bin");
                message.Headers.TryAddWithoutValidation("grpc-trace-bin", Convert.ToBase64String(Trace.Binary));
            }
        }

        return message;
    }

    private static bool IsForwarded(string name) => !name.StartsWith(':') && !name.Equals("Host", StringComparison.OrdinalIgnoreCase) && !name.Equals("Content-Length", StringComparison.OrdinalIgnoreCase)
        && !name.Equals("dapr-app-id", StringComparison.OrdinalIgnoreCase) && !name.Equals("dapr-api-token", StringComparison.OrdinalIgnoreCase);

    /// <summary>Passes on what the app answers. Where the call may be made again, the caller has this try's answer only from its first message on.</summary>
    private async Task Copy(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        var answer = _http.Response;
        if (!_isKept)
        {
            Begin(response);
        }

        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        while (true)
        {
            var memory = answer.BodyWriter.GetMemory(4096);
            var length = await body.ReadAsync(memory, cancellationToken);
            if (length == 0)
            {
                return;
            }

            Begin(response);
            _answered.Pass(memory.Span[..length]);
            answer.BodyWriter.Advance(length);
            await answer.BodyWriter.FlushAsync(cancellationToken);
        }
    }

    private void Begin(HttpResponseMessage response)
    {
        if (_hasBegun)
        {
            return;
        }

        _hasBegun = true;
        foreach (var (name, values) in response.Headers.NonValidated)
        {
            _http.Response.Headers[name] = values.ToArray();
        }

        foreach (var (name, values) in response.Content.Headers.NonValidated)
        {
            _http.Response.Headers[name] = values.ToArray();
        }
    }
}
