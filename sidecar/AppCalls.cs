using System.Diagnostics;
using Dapr.AppCallback.Autogen.Grpc.v1;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Lavka.Sidecar.Grpc;
using Lavka.Sidecar.Observability;

namespace Lavka.Sidecar;

/// <summary>What came with a gRPC app's answer, be it a message or an error.</summary>
internal sealed class AppAnswerMetadata
{
    public Metadata Headers { get; set; } = [];

    public Metadata Trailers { get; set; } = [];
}

/// <summary>
/// What the sidecar asks of a gRPC app (Dapr: the services <c>AppCallback</c>, <c>AppCallbackAlpha</c> and <c>AppCallbackHealthCheck</c> of dapr.proto.runtime.v1).
/// A call carries the app's token, waits for its turn where the app takes only so many at once, and fails at once while the app is not healthy.
/// </summary>
internal sealed class AppCalls(AppChannel app, CallInvoker channel, string? token, SemaphoreSlim? slots, Metrics? metrics)
{
    private static readonly Empty Nothing = new();
    private static readonly Method<Empty, HealthCheckResponse> Health = Method<Empty, HealthCheckResponse>("AppCallbackHealthCheck", "HealthCheck");
    private static readonly Method<Empty, ListTopicSubscriptionsResponse> Topics = Method<Empty, ListTopicSubscriptionsResponse>("AppCallback", nameof(ListTopicSubscriptions));
    private static readonly Method<Empty, ListInputBindingsResponse> Bindings = Method<Empty, ListInputBindingsResponse>("AppCallback", nameof(ListInputBindings));
    private static readonly Method<InvokeRequest, InvokeResponse> Invoke = Method<InvokeRequest, InvokeResponse>("AppCallback", nameof(OnInvoke));
    private static readonly Method<TopicEventRequest, TopicEventResponse> Topic = Method<TopicEventRequest, TopicEventResponse>("AppCallback", nameof(OnTopicEvent));
    private static readonly Method<TopicEventBulkRequest, TopicEventBulkResponse> Bulk = Method<TopicEventBulkRequest, TopicEventBulkResponse>("AppCallback", nameof(OnBulkTopicEvent));
    private static readonly Method<TopicEventBulkRequest, TopicEventBulkResponse> BulkAlpha =
        Method<TopicEventBulkRequest, TopicEventBulkResponse>("AppCallbackAlpha", nameof(OnBulkTopicEventAlpha1));

    private static readonly Method<BindingEventRequest, BindingEventResponse> Binding = Method<BindingEventRequest, BindingEventResponse>("AppCallback", nameof(OnBindingEvent));
    private static readonly Method<JobEventRequest, JobEventResponse> Job = Method<JobEventRequest, JobEventResponse>("AppCallbackAlpha", nameof(OnJobEventAlpha1));

    /// <summary>The app's own subscriptions. Like daprd, without the app's token.</summary>
    public async Task<ListTopicSubscriptionsResponse> ListTopicSubscriptions(CancellationToken cancellationToken) => await channel.AsyncUnaryCall(Topics, null, new(cancellationToken: cancellationToken), Nothing);

    /// <summary>The input bindings the app wants. Like daprd, without the app's token.</summary>
    public async Task<ListInputBindingsResponse> ListInputBindings(CancellationToken cancellationToken) => await channel.AsyncUnaryCall(Bindings, null, new(cancellationToken: cancellationToken), Nothing);

    /// <param name="request">The message.</param>
    /// <param name="options">Metadata, deadline and cancellation.</param>
    /// <param name="with">Gets what comes with the answer, or with the error.</param>
    public Task<InvokeResponse> OnInvoke(InvokeRequest request, CallOptions options, AppAnswerMetadata with) => Call(Invoke, request, options, with);

    public Task<TopicEventResponse> OnTopicEvent(TopicEventRequest request, CallOptions options) => Call(Topic, request, options);

    public Task<TopicEventBulkResponse> OnBulkTopicEvent(TopicEventBulkRequest request, CallOptions options) => Call(Bulk, request, options);

    public Task<TopicEventBulkResponse> OnBulkTopicEventAlpha1(TopicEventBulkRequest request, CallOptions options) => Call(BulkAlpha, request, options);

    public Task<BindingEventResponse> OnBindingEvent(BindingEventRequest request, CallOptions options) => Call(Binding, request, options);

    public Task<JobEventResponse> OnJobEventAlpha1(JobEventRequest request, CallOptions options) => Call(Job, request, options);

    /// <summary>Asks for the app's health: without its token, and whatever is thought of it so far.</summary>
    public async Task<bool> IsHealthy(CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        var code = StatusCode.OK;
        try
        {
            await channel.AsyncUnaryCall(Health, null, new(cancellationToken: cancellationToken), Nothing);
        }
        catch (RpcException e)
        {
            code = e.StatusCode;
        }

        metrics?.Grpc.Probe(code, Stopwatch.GetElapsedTime(started));
        return code == StatusCode.OK;
    }

    private static Method<TRequest, TResponse> Method<TRequest, TResponse>(string service, string name)
        where TRequest : class, IMessage<TRequest>, new()
        where TResponse : class, IMessage<TResponse>, new() => new(MethodType.Unary, $"dapr.proto.runtime.v1.{service}", name, Marshal.Of<TRequest>(), Marshal.Of<TResponse>());

    private async Task<TResponse> Call<TRequest, TResponse>(Method<TRequest, TResponse> method, TRequest request, CallOptions options, AppAnswerMetadata? with = null)
        where TRequest : class, IMessage<TRequest>
        where TResponse : class, IMessage<TResponse>
    {
        if (!app.IsHealthy)
        {
            throw new RpcException(new(StatusCode.Internal, "app is not in a healthy state"));
        }

        if (token is not null)
        {
            options = WithToken(options, token);
        }

        await (slots?.WaitAsync(options.CancellationToken) ?? Task.CompletedTask);
        var started = Stopwatch.GetTimestamp();
        var code = StatusCode.OK;
        TResponse? response = null;
        try
        {
            using var call = channel.AsyncUnaryCall(method, null, options, request);
            try
            {
                return response = await call;
            }
            finally
            {
                if (with is not null)
                {
                    with.Headers = call.ResponseHeadersAsync.IsCompletedSuccessfully ? await call.ResponseHeadersAsync : [];
                    with.Trailers = call.GetTrailers();
                }
            }
        }
        catch (RpcException e)
        {
            code = e.StatusCode;
            throw;
        }
        finally
        {
            slots?.Release();
            metrics?.Grpc.Client(method.FullName, code, Stopwatch.GetElapsedTime(started), (response?.CalculateSize() ?? 0, request.CalculateSize()));
        }
    }

    // The caller's metadata stays as it is: it may be used for a second try.
    private static CallOptions WithToken(CallOptions options, string token)
    {
        var headers = new Metadata { { "dapr-api-token", token } };
        foreach (var entry in options.Headers ?? [])
        {
            if (entry.Key != "dapr-api-token")
            {
                headers.Add(entry);
            }
        }

        return options.WithHeaders(headers);
    }
}
