using System.Diagnostics;
using Grpc.Core;
using Lavka.Sidecar.Invocation;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.Resiliency;
using Lavka.Sidecar.Resources;
using Microsoft.AspNetCore.Http.Features;

namespace Lavka.Sidecar.Grpc.Proxying;

/// <summary>
/// gRPC proxying: a call that is none of the sidecar's own goes to the app that its metadata name, unary or streaming, both ways and as it is
/// (Dapr: developing-applications/building-blocks/service-invocation/howto-invoke-services-grpc).
/// </summary>
internal sealed partial class GrpcProxy(ServiceInvocation invocation, ResiliencyPolicies policies, GrpcPipeline pipeline, Telemetry telemetry, SidecarOptions options)
{
    private const string AppId = "dapr-app-id";
    private const string CalleeId = "dapr-callee-app-id";

    private readonly ILogger _log = options.Logs.CreateLogger<GrpcProxy>();

    public async Task Handle(HttpContext http)
    {
        if (!http.Request.ContentType.AsSpan().StartsWith("application/grpc"))
        {
            http.Response.StatusCode = Microsoft.AspNetCore.Http.StatusCodes.Status415UnsupportedMediaType;
            return;
        }

        var path = http.Features.Get<IHttpRequestFeature>()!.RawTarget;
        var started = Stopwatch.GetTimestamp();
        var status = Status.DefaultSuccess;
        try
        {
            CheckAccess(path, http);
            if (path.StartsWith($"/{GrpcReflection.TaskHub}/", StringComparison.Ordinal))
            {
                throw new RpcException(new(StatusCode.Unimplemented, $"{path[1..]}: this sidecar has no workflow engine"));
            }

            status = await Traced(path, http);
        }
        catch (RpcException e)
        {
            status = e.Status;
            Write(e, http.Response);
        }
        catch (Exception e) when (!http.RequestAborted.IsCancellationRequested)
        {
            LogFailed(path, e);
            status = new(StatusCode.Internal, e.Message);
            Write(new(status), http.Response);
        }
        catch (Exception)
        {
            // The caller has gone.
            status = new(StatusCode.Cancelled, "context canceled");
        }

        pipeline.Log(path, status.StatusCode, Stopwatch.GetElapsedTime(started), http.Request.Headers.UserAgent);
    }

    /// <summary>Refuses what the API allow list, or the API token, refuses; the list is about Dapr's own calls only.</summary>
    public void CheckAccess(string path, HttpContext http)
    {
        var token = http.Request.Headers["dapr-api-token"] is [{ } sent, ..] ? sent : null;
        if (path.StartsWith("/dapr.proto.runtime.", StringComparison.Ordinal))
        {
            pipeline.Check(null, path[(path.LastIndexOf('/') + 1)..], token);
        }
        else
        {
            pipeline.CheckToken(token);
        }
    }

    /// <summary>Where calls belong to traces, what is not Dapr's has to name an app, also reflection.</summary>
    /// <exception cref="RpcException">It names none.</exception>
    public void CheckNamesApp(string path, HttpContext http)
    {
        if (telemetry.IsOn && !path.StartsWith("/dapr.proto.", StringComparison.Ordinal) && Target(http) is null)
        {
            throw new RpcException(new(StatusCode.Unknown, $"cannot proxy request: missing {CalleeId} or {AppId} metadata"));
        }
    }

    private static string? Target(HttpContext http) => http.Request.Headers[CalleeId] is [{ } callee, ..] ? callee : http.Request.Headers[AppId] is [{ } app, ..] ? app : null;

    private async Task<Status> Traced(string path, HttpContext http)
    {
        CheckNamesApp(path, http);
        var id = Target(http);
        var headers = http.Request.Headers;
        var bin = headers["grpc-trace-bin"] is [{ } text, ..] ? GrpcHeaders.Decode(text) : null;
        var trace = telemetry.StartCall(path, bin, headers.TraceParent is [{ } parent, ..] ? parent : null, isForOwnApp: id == options.AppId);
        using var span = trace.Span;
        var started = Stopwatch.GetTimestamp();
        var status = new Status(StatusCode.Cancelled, "context canceled");
        try
        {
            if (id is null)
            {
                throw new RpcException(new(StatusCode.Unknown, $"failed to proxy request: required metadata {CalleeId} or {AppId} not found"));
            }

            status = await Route(path, id, http, trace);
            return status;
        }
        catch (RpcException e)
        {
            status = e.Status;
            throw;
        }
        finally
        {
            Telemetry.EndCall(span, status);
            if (headers.ContainsKey(AppId))
            {
                telemetry.Metrics?.Grpc.Server(path, status.StatusCode, Stopwatch.GetElapsedTime(started));
            }
        }
    }

    private async Task<Status> Route(string path, string id, HttpContext http, CallTrace trace)
    {
        if (invocation.IsOutside(id))
        {
            throw new RpcException(new(StatusCode.Unavailable, $"connection error: desc = \"transport: Error while dialing: dial tcp: address {invocation.AddressOf(id)}: too many colons in address\""));
        }

        Sidecar callee;
        try
        {
            callee = invocation.FindApp(id);
            MethodName.Clean(path);
        }
        catch (InvocationException e)
        {
            throw new RpcException(new(e.Code ?? StatusCode.Unknown, e.Text));
        }

        if (callee.Configuration.AccessControl is { IsAllowed: false })
        {
            throw new RpcException(new(StatusCode.PermissionDenied, AccessControl.Refusal(path, null)));
        }

        var isOwn = callee.AppId == options.AppId;
        if (callee.App is not { } app)
        {
            throw new RpcException(new(StatusCode.Unavailable, "connection error: desc = \"transport: Error while dialing: dial tcp 127.0.0.1:0: connect: connection refused\""));
        }

        var headers = http.Request.Headers;
        var policy = isOwn || headers[AppId] is not [{ } target, ..] || IsStream(headers) ? Policy.None : policies.App(target, path);
        using var call = new ProxiedCall(http, app, options.MaxBodySize, policy.Retry is { MaxRetries: not 0 });
        if (!isOwn)
        {
            call.CallerId = options.AppId;
            call.CalleeId = callee.AppId;
            call.Trace = trace;
        }

        return await call.Run(path, policy);
    }

    // Only calls that are known to be streams are let through where there is a policy with retries.
    private static bool IsStream(IHeaderDictionary headers) => headers["dapr-stream"] is [{ } value, ..] && value.ToLowerInvariant() is "y" or "yes" or "true" or "t" or "on" or "1";

    /// <summary>Answers an error; in the trailers, where an answer has begun.</summary>
    public static void Write(RpcException error, HttpResponse response)
    {
        var status = error.Status;
        Append(response, "grpc-status", ((int)status.StatusCode).ToString(System.Globalization.CultureInfo.InvariantCulture));
        if (status.Detail.Length > 0)
        {
            Append(response, "grpc-message", PercentEncoding.Of(status.Detail));
        }

        foreach (var entry in error.Trailers)
        {
            Append(response, entry.Key, entry.IsBinary ? Convert.ToBase64String(entry.ValueBytes) : entry.Value);
        }
    }

    private static void Append(HttpResponse response, string name, string value)
    {
        if (response.HasStarted)
        {
            response.AppendTrailer(name, value);
        }
        else
        {
            response.ContentType = "application/grpc";
            response.Headers.Append(name, value);
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Proxying {Path} failed")]
    private partial void LogFailed(string path, Exception error);
}
