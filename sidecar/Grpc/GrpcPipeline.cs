using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
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

    /// <summary>Runs a call of Dapr's API.</summary>
    /// <param name="api">The API it belongs to, for the allow list (Dapr: operations/configuration/api-allowlist).</param>
    /// <param name="name">The call's name; how it ends tells the version.</param>
    /// <param name="server">The call.</param>
    /// <param name="call">Answers it.</param>
    public async Task<T> Run<T>(string api, string name, ServerCallContext server, Func<GrpcCall, Task<T>> call)
    {
        CheckToken(server);
        CheckOpen(api, name);
        using var span = telemetry.StartCall(server);
        var started = Stopwatch.GetTimestamp();
        var code = StatusCode.OK;
        try
        {
            return await call(new(server) { Trace = span });
        }
        catch (Exception e)
        {
            if (e is ApiException { Headers.Count: > 0 } told)
            {
                await new GrpcCall(server).SendHeaders(told.Headers);
            }

            var error = ToRpc(e, name, server);
            code = error.StatusCode;
            throw error;
        }
        finally
        {
            var elapsed = Stopwatch.GetElapsedTime(started);
            telemetry.EndCall(span, server, code, elapsed);
            _apiLog?.CalledGrpc(server.Method, code, (long)elapsed.TotalMilliseconds, server.RequestHeaders.GetValue("user-agent") ?? "");
        }
    }

    /// <summary>Runs a call of Dapr's API that answers on its stream.</summary>
    public Task Run(string api, string name, ServerCallContext server, Func<GrpcCall, Task> call) => Run(api, name, server, async grpc =>
    {
        await call(grpc);
        return true;
    });

    /// <summary>Whoever calls has the API token, where one is asked for (Dapr: operations/security/api-token).</summary>
    /// <exception cref="RpcException">It is missing or another.</exception>
    public void CheckToken(ServerCallContext server)
    {
        if (_token is null)
        {
            return;
        }

        if (server.RequestHeaders.GetValue("dapr-api-token") is not { } token)
        {
            throw GrpcErrors.FromHttp(StatusCode.Unauthenticated, 401, "missing api token in request metadata");
        }

        if (!CryptographicOperations.FixedTimeEquals(_token, Encoding.UTF8.GetBytes(token)))
        {
            throw GrpcErrors.FromHttp(StatusCode.Unauthenticated, 401, "authentication error: api token mismatch");
        }
    }

    private void CheckOpen(string api, string name)
    {
        var version = name.EndsWith("Alpha1", StringComparison.Ordinal) ? "v1.0-alpha1"
            : name.EndsWith("Alpha2", StringComparison.Ordinal) ? "v1.0-alpha2"
            : name.EndsWith("Beta1", StringComparison.Ordinal) ? "v1.0-beta1"
            : "v1.0";
        if (!configuration.IsOpen("grpc", version, api))
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
