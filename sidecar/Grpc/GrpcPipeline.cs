using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Google.Protobuf;
using Grpc.Core;
using Lavka.Sidecar.Http;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.Resources;

namespace Lavka.Sidecar.Grpc;

/// <summary>What every call of the gRPC API goes through: the API token, the allow list, tracing, metrics, and errors in Dapr's form.</summary>
internal sealed partial class GrpcPipeline(SidecarOptions options, SidecarConfiguration configuration, Telemetry telemetry)
{
    private readonly ILogger _log = options.Logs.CreateLogger<GrpcPipeline>();
    private readonly ApiLog? _apiLog = configuration.ApiLogging || options.ApiLogging ? new(options.Logs.CreateLogger("dapr.runtime.grpc-info")) : null;
    private readonly byte[]? _token = string.IsNullOrEmpty(options.ApiToken) ? null : Encoding.UTF8.GetBytes(options.ApiToken);

    /// <summary>Runs a call of Dapr's API with one question and one answer.</summary>
    /// <param name="api">The API it belongs to, for the allow list (Dapr: operations/configuration/api-allowlist).</param>
    /// <param name="name">The call's name; how it ends tells the version.</param>
    /// <param name="request">What is asked.</param>
    /// <param name="server">The call.</param>
    /// <param name="call">Answers it.</param>
    public Task<TResponse> Run<TRequest, TResponse>(string api, string name, TRequest request, ServerCallContext server, Func<TRequest, GrpcCall, Task<TResponse>> call)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse> => Run(api, name, request, server, grpc => call(request, grpc));

    /// <summary>Runs a call of Dapr's API that answers on its stream.</summary>
    public Task RunStream(string api, string name, ServerCallContext server, Func<GrpcCall, Task> call) => Run<IMessage?>(api, name, null, server, async grpc =>
    {
        await call(grpc);
        return null;
    });

    /// <summary>Refuses a call of Dapr's API that is not allowed, or that comes without the API token (Dapr: operations/configuration/api-allowlist, operations/security/api-token).</summary>
    /// <param name="api">The API it belongs to; null: none that could be allowed.</param>
    /// <param name="name">The call's name.</param>
    /// <param name="token">The token that came along, or null.</param>
    /// <exception cref="RpcException">It is refused.</exception>
    public void Check(string? api, string name, string? token)
    {
        CheckOpen(api, name);
        CheckToken(token);
    }

    /// <summary>Whoever calls has the API token, where one is asked for.</summary>
    /// <exception cref="RpcException">It is missing or another.</exception>
    public void CheckToken(string? token)
    {
        if (_token is null)
        {
            return;
        }

        if (token is null)
        {
            throw GrpcErrors.FromHttp(StatusCode.Unauthenticated, 401, "missing api token in request metadata");
        }

        if (!CryptographicOperations.FixedTimeEquals(_token, Encoding.UTF8.GetBytes(token)))
        {
            throw GrpcErrors.FromHttp(StatusCode.Unauthenticated, 401, "authentication error: api token mismatch");
        }
    }

    /// <summary>Reports a call, where calls are logged.</summary>
    public void Log(string method, StatusCode code, TimeSpan elapsed, string? userAgent) => _apiLog?.CalledGrpc(method, code, (long)elapsed.TotalMilliseconds, userAgent ?? "");

    private async Task<TResponse> Run<TResponse>(string api, string name, IMessage? request, ServerCallContext server, Func<GrpcCall, Task<TResponse>> call)
        where TResponse : IMessage?
    {
        Check(api, name, server.RequestHeaders.GetValue("dapr-api-token"));
        var trace = telemetry.StartCall(server.Method, server.RequestHeaders.GetValueBytes("grpc-trace-bin"), server.RequestHeaders.GetValue("traceparent"));
        GrpcSpans.Describe(trace.Span, server.Method, request);
        using var span = trace.Span;
        var started = Stopwatch.GetTimestamp();
        var status = Status.DefaultSuccess;
        TResponse? response = default;
        try
        {
            return response = await call(new(server) { Trace = trace });
        }
        catch (Exception e)
        {
            if (e is ApiException { Headers.Count: > 0 } told)
            {
                await new GrpcCall(server).SendHeaders(told.Headers);
            }

            var error = ToRpc(e, name, server);
            status = error.Status;
            throw error;
        }
        finally
        {
            var elapsed = Stopwatch.GetElapsedTime(started);
            Telemetry.EndCall(span, status);
            if (trace.IsOn && name != "InvokeService" && server.GetHttpContext().Response is { HasStarted: false } answer)
            {
                answer.Headers["grpc-trace-bin"] = Convert.ToBase64String(trace.Binary);
            }

            if (request is not null)
            {
                telemetry.Metrics?.Grpc.Server(server.Method, status.StatusCode, elapsed, (request.CalculateSize(), response?.CalculateSize() ?? 0));
            }

            Log(server.Method, status.StatusCode, elapsed, server.RequestHeaders.GetValue("user-agent"));
        }
    }

    private void CheckOpen(string? api, string name)
    {
        var version = name.EndsWith("Alpha1", StringComparison.Ordinal) ? "v1.0-alpha1"
            : name.EndsWith("Alpha2", StringComparison.Ordinal) ? "v1.0-alpha2"
            : name.EndsWith("Beta1", StringComparison.Ordinal) ? "v1.0-beta1"
            : "v1.0";
        if (!configuration.IsOpen("grpc", version, api ?? ""))
        {
            throw GrpcErrors.FromHttp(StatusCode.Unimplemented, 501, "requested endpoint is not available");
        }
    }

    private RpcException ToRpc(Exception e, string name, ServerCallContext server)
    {
        switch (e)
        {
            case RpcException rpc:
                return rpc;
            case ApiException error:
                return GrpcErrors.From(error);
            case OperationCanceledException when server.CancellationToken.IsCancellationRequested:
                return new(new(server.Deadline <= DateTime.UtcNow ? StatusCode.DeadlineExceeded : StatusCode.Cancelled, "context canceled"));
            default:
                LogFailed(name, e);
                return new(new(StatusCode.Internal, e.Message));
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "{Name} failed")]
    private partial void LogFailed(string name, Exception error);
}
