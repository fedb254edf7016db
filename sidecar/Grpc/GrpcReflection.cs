using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Grpc.Reflection;
using Lavka.Sidecar.Grpc.Proxying;
using AlphaMessages = Grpc.Reflection.V1Alpha;
using ServiceDescriptor = Google.Protobuf.Reflection.ServiceDescriptor;
using V1Messages = Grpc.Reflection.V1;

namespace Lavka.Sidecar.Grpc;

/// <summary>
/// Server reflection (grpc.io: server-reflection), in both versions, by which tools such as grpcurl list what daprd serves. As daprd's it wants an app's id in the metadata while calls belong
/// to traces, which is unless the sampling rate is 0.
/// </summary>
internal static class GrpcReflection
{
    // What daprd has for workflows; here it is known by name alone.
    public const string TaskHub = "TaskHubSidecarService";

    public static void AddGrpcReflection(this IServiceCollection services)
    {
        ServiceDescriptor[] served =
        [
            Named(TaskHub), global::Dapr.Client.Autogen.Grpc.v1.Dapr.Descriptor, V1Messages.ServerReflection.Descriptor, AlphaMessages.ServerReflection.Descriptor,
        ];
        services.AddSingleton(new Alpha(served)).AddSingleton(new V1(served));
    }

    /// <param name="server">The server.</param>
    /// <param name="proxy">Knows who may call.</param>
    public static void MapGrpcReflection(this WebApplication server, GrpcProxy proxy)
    {
        server.MapGrpcService<Alpha>().Add(Check);
        server.MapGrpcService<V1>().Add(Check);

        void Check(EndpointBuilder endpoint)
        {
            var answer = endpoint.RequestDelegate!;
            endpoint.RequestDelegate = http =>
            {
                try
                {
                    proxy.CheckAccess(http.Request.Path, http);
                    proxy.CheckNamesApp(http.Request.Path, http);
                }
                catch (RpcException e)
                {
                    GrpcProxy.Write(e, http.Response);
                    return Task.CompletedTask;
                }

                return answer(http);
            };
        }
    }

    private static ServiceDescriptor Named(string name)
    {
        var file = new FileDescriptorProto { Name = $"{name}.proto", Syntax = "proto3", Service = { new ServiceDescriptorProto { Name = name } } };
        return FileDescriptor.BuildFromByteStrings([file.ToByteString()])[0].Services[0];
    }

    private sealed class V1(IEnumerable<ServiceDescriptor> served) : ReflectionV1ServiceImpl(served)
    {
        public override Task ServerReflectionInfo(
            IAsyncStreamReader<V1Messages.ServerReflectionRequest> requests, IServerStreamWriter<V1Messages.ServerReflectionResponse> answers, ServerCallContext context) =>
            base.ServerReflectionInfo(requests, new Answers<V1Messages.ServerReflectionResponse>(answers, answer => answer.OriginalRequest = requests.Current), context);
    }

    private sealed class Alpha(IEnumerable<ServiceDescriptor> served) : ReflectionServiceImpl(served)
    {
        public override Task ServerReflectionInfo(
            IAsyncStreamReader<AlphaMessages.ServerReflectionRequest> requests, IServerStreamWriter<AlphaMessages.ServerReflectionResponse> answers, ServerCallContext context) =>
            base.ServerReflectionInfo(requests, new Answers<AlphaMessages.ServerReflectionResponse>(answers, answer => answer.OriginalRequest = requests.Current), context);
    }

    // .NET's reflection leaves out what it was asked, which the protocol and daprd repeat.
    private sealed class Answers<T>(IServerStreamWriter<T> answers, Action<T> complete) : IServerStreamWriter<T>
    {
        public WriteOptions? WriteOptions { get => answers.WriteOptions; set => answers.WriteOptions = value; }

        public Task WriteAsync(T message)
        {
            complete(message);
            return answers.WriteAsync(message);
        }
    }
}
