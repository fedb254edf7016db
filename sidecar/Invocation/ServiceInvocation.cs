using System.Diagnostics;
using Grpc.Core;
using Lavka.Sidecar.Observability;
using Lavka.Sidecar.Resiliency;

namespace Lavka.Sidecar.Invocation;

/// <summary>
/// Dapr's service invocation, whoever asks for it (Dapr: reference/api/service_invocation_api): of the app beside this sidecar, of apps beside others of its mesh, of HTTPEndpoints and of URLs.
/// </summary>
internal sealed class ServiceInvocation(Sidecar sidecar, ResiliencyPolicies policies, SidecarOptions options, HttpMessageInvoker http, HttpMessageInvoker following)
{
    private static readonly Dictionary<string, string> NoHeaders = [];

    /// <summary>Invokes a method. An answer that is an error is an answer, too.</summary>
    /// <exception cref="ApiException">The app could not be asked.</exception>
    public async ValueTask<InvocationAnswer> Invoke(InvocationRequest request, CancellationToken cancellationToken)
    {
        try
        {
            var target = Find(request.Id);
            var policy = policies.App(request.Id, target.BreakerKey ?? request.Method);
            if (request.Body is null && policy.Retry is not null)
            {
                // What has streamed through cannot be sent again.
                policy = policy with { Retry = null };
            }

            return await policy.Run(token => Send(target, request, token), cancellationToken);
        }
        catch (InvocationException e)
        {
            throw Failed(request.Id, e.Message, e.Code is StatusCode.PermissionDenied ? 403 : 500);
        }
        catch (Exception e) when (e is HttpRequestException or TimeoutException or CircuitBreakerException or Http.BodyTooLargeException or FormatException or NotSupportedException)
        {
            throw Failed(request.Id, e.Message, 500);
        }
    }

    /// <summary>Whether a call of this method may be made again, and so has to be kept.</summary>
    public bool IsRetried(string id, string method) => policies.App(id, method).Retry is not null;

    /// <summary>The error of an invocation that did not come about.</summary>
    public static ApiException Failed(string id, string problem, int status = 500) =>
        ApiException.Plain(status, "ERR_DIRECT_INVOKE", $"failed to invoke, id: {id}, err: {problem}", StatusCode.Internal);

    /// <summary>The sidecar of an app: this one, or another of the mesh.</summary>
    /// <param name="id">An app's id, or with its namespace <c>app.namespace</c>.</param>
    /// <exception cref="InvocationException">There is no such app.</exception>
    public Sidecar FindApp(string id)
    {
        var parts = id.Split('.');
        if (id.Length == 0 || parts.Length > 2)
        {
            throw new InvocationException(id.Length == 0 ? "app id is empty" : $"invalid app id {id}");
        }

        return parts[0] == options.AppId ? sidecar : sidecar.Mesh.Find(parts[0]) ?? throw new InvocationException($"couldn't find service: {parts[0]}");
    }

    /// <summary>Whether an id is the address or the name of a service outside of Dapr.</summary>
    public bool IsOutside(string id) => id.StartsWith("http://", StringComparison.Ordinal) || id.StartsWith("https://", StringComparison.Ordinal) || sidecar.HttpEndpoints.ContainsKey(id);

    /// <summary>The address of a service outside of Dapr.</summary>
    public string AddressOf(string id) => sidecar.HttpEndpoints.TryGetValue(id, out var endpoint) ? endpoint.BaseUrl : id;

    private InvocationTarget Find(string id)
    {
        if (sidecar.HttpEndpoints.TryGetValue(id, out var endpoint))
        {
            // Unlike an app, a service outside of Dapr may send its callers elsewhere.
            return new(id, endpoint.BaseUrl.TrimEnd('/'), null, endpoint.Headers, following) { BreakerKey = endpoint.BaseUrl };
        }

        if (IsOutside(id))
        {
            var scheme = id.IndexOf("://", StringComparison.Ordinal);
            var headers = options.AppToken is { } token && !options.IsAppTokenForAppAlone ? new Dictionary<string, string> { ["dapr-api-token"] = token } : NoHeaders;
            return new(id, $"{id[..scheme]}://{id[(scheme + 1)..].Trim('/')}", null, headers, http);
        }

        var callee = FindApp(id);
        var app = callee.App ?? throw new InvocationException("cannot invoke local endpoint: app channel not initialized");
        return callee == sidecar ? new(id, app.Authority, app, NoHeaders, null) : new(id, app.Authority, app, new Dictionary<string, string>
        {
            ["dapr-caller-app-id"] = options.AppId,
            ["dapr-callee-app-id"] = callee.AppId,
            ["dapr-caller-namespace"] = string.IsNullOrEmpty(options.Namespace) ? "default" : options.Namespace,
        }, null)
        { IsRemote = true, AccessControl = callee.Configuration.AccessControl, Metrics = callee.Metrics?.Invocations };
    }

    private ValueTask<Attempt<InvocationAnswer>> Send(
        InvocationTarget target, InvocationRequest request, CancellationToken cancellationToken) =>
        sidecar.Metrics is { Invocations: var metrics } && (target.IsRemote || target.App is null)
            ? Counted(metrics, target, request, cancellationToken)
            : Ask(target, request, cancellationToken);

    private async ValueTask<Attempt<InvocationAnswer>> Counted(
        InvocationMetrics metrics, InvocationTarget target, InvocationRequest request, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        metrics.Sent(target.Id);
        target.Metrics?.Received(options.AppId);
        var answer = await Ask(target, request, cancellationToken);
        target.Metrics?.Answers(options.AppId, answer.Value.Status);
        metrics.Answered(target.Id, answer.Value.Status, Stopwatch.GetElapsedTime(started));
        return answer;
    }

    private async ValueTask<Attempt<InvocationAnswer>> Ask(
        InvocationTarget target, InvocationRequest request, CancellationToken cancellationToken)
    {
        var isGrpc = target.App is { IsGrpc: true };
        if (target.AccessControl is { IsAllowed: false })
        {
            throw new InvocationException(Resources.AccessControl.Refusal(request.Method, isGrpc ? null : request.Verb), StatusCode.PermissionDenied);
        }

        if (!isGrpc)
        {
            var response = await HttpInvocation.Send(target, request, options.ApiToken is not null, cancellationToken);
            var status = (int)response.StatusCode;
            return request.IsFromGrpc
                ? new(new() { Http = response }, Failed: StatusMapping.ToGrpc(status) != StatusCode.OK)
                : new(new() { Http = response }, Failed: status is < 200 or > 399, status);
        }

        if (!target.App!.IsHealthy)
        {
            throw new InvocationException("app is not in a healthy state", StatusCode.Internal);
        }

        var answer = await GrpcInvocation.Send(target, request, options.ApiToken is not null, cancellationToken);
        return new(answer, Failed: request.IsFromGrpc && answer.Error is not null);
    }
}
