using System.Runtime.CompilerServices;
using Google.Protobuf;
using Grpc.AspNetCore.Server.Model;
using Grpc.Core;

namespace Lavka.Sidecar.Grpc;

/// <summary>What the gRPC server serves: the calls of <c>dapr.proto.runtime.v1.Dapr</c>, added by the front end of each building block.</summary>
internal sealed class GrpcMethods(GrpcPipeline pipeline) : IServiceMethodProvider<GrpcMethods>
{
    private const string Service = "dapr.proto.runtime.v1.Dapr";

    private readonly List<Action<ServiceMethodProviderContext<GrpcMethods>>> _methods = [];

    public void OnServiceMethodDiscovery(ServiceMethodProviderContext<GrpcMethods> context) => _methods.ForEach(add => add(context));

    /// <summary>A call with one question and one answer.</summary>
    /// <param name="api">The API it belongs to, by the names of Dapr's API allow list: <c>state</c>, <c>publish</c>, ...</param>
    /// <param name="call">Answers it.</param>
    /// <param name="name">The call's name; by default the method's.</param>
    public void Unary<TRequest, TResponse>(string api, Func<TRequest, GrpcCall, Task<TResponse>> call, [CallerArgumentExpression(nameof(call))] string name = "")
        where TRequest : class, IMessage<TRequest>, new()
        where TResponse : class, IMessage<TResponse>, new() => _methods.Add(context => context.AddUnaryMethod(
            Method<TRequest, TResponse>(MethodType.Unary, name), [], (_, request, server) => pipeline.Run(api, name, request, server, call)));

    /// <summary>A call with one question and a stream of answers.</summary>
    public void ServerStream<TRequest, TResponse>(
        string api, Func<TRequest, IServerStreamWriter<TResponse>, GrpcCall, Task> call, [CallerArgumentExpression(nameof(call))] string name = "")
        where TRequest : class, IMessage<TRequest>, new()
        where TResponse : class, IMessage<TResponse>, new() => _methods.Add(context => context.AddServerStreamingMethod(
            Method<TRequest, TResponse>(MethodType.ServerStreaming, name), [], (_, request, answers, server) => pipeline.RunStream(api, name, server, grpc => call(request, answers, grpc))));

    /// <summary>A call with streams both ways.</summary>
    public void DuplexStream<TRequest, TResponse>(
        string api, Func<IAsyncStreamReader<TRequest>, IServerStreamWriter<TResponse>, GrpcCall, Task> call, [CallerArgumentExpression(nameof(call))] string name = "")
        where TRequest : class, IMessage<TRequest>, new()
        where TResponse : class, IMessage<TResponse>, new() => _methods.Add(context => context.AddDuplexStreamingMethod(
            Method<TRequest, TResponse>(MethodType.DuplexStreaming, name), [], (_, requests, answers, server) => pipeline.RunStream(api, name, server, grpc => call(requests, answers, grpc))));

    private static Method<TRequest, TResponse> Method<TRequest, TResponse>(MethodType type, string name)
        where TRequest : class, IMessage<TRequest>, new()
        where TResponse : class, IMessage<TResponse>, new() => new(type, Service, name, Marshal.Of<TRequest>(), Marshal.Of<TResponse>());
}
