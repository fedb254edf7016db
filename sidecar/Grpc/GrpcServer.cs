using Grpc.AspNetCore.Server.Model;
using Lavka.Sidecar.Grpc.Proxying;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Lavka.Sidecar.Grpc;

/// <summary>Dapr's gRPC API: cleartext HTTP/2, as daprd's.</summary>
internal sealed class GrpcServer : IAsyncDisposable
{
    private readonly WebApplication _server;

    /// <param name="options">The sidecar.</param>
    /// <param name="methods">Dapr's calls.</param>
    /// <param name="proxy">Takes all other calls.</param>
    public GrpcServer(SidecarOptions options, GrpcMethods methods, GrpcProxy proxy)
    {
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = null;
            kestrel.Limits.MinRequestBodyDataRate = null;
            kestrel.Limits.MinResponseDataRate = null;
            kestrel.Limits.Http2.MaxStreamsPerConnection = int.MaxValue;
            kestrel.ConfigureEndpointDefaults(listen => listen.Protocols = HttpProtocols.Http2);
            new Listeners(options).Add(kestrel, "grpc", options.GrpcPort);
        });
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(2));
        builder.Services.AddRouting();
        builder.Services.AddGrpc(grpc =>
        {
            grpc.MaxReceiveMessageSize = options.MaxBodySize > 0 ? (int)Math.Min(options.MaxBodySize, int.MaxValue) : null;
            grpc.MaxSendMessageSize = grpc.MaxReceiveMessageSize;
            grpc.IgnoreUnknownServices = true;
        });
        builder.Services.AddGrpcReflection();
        builder.Services.AddSingleton(methods).AddSingleton<IServiceMethodProvider<GrpcMethods>>(methods);
        _server = builder.Build();
        _server.MapGrpcService<GrpcMethods>();
        _server.MapGrpcReflection(proxy);
        _server.MapFallback("{**path}", proxy.Handle);
    }

    /// <summary>Where the API is, for example <c>http://127.0.0.1:50001</c>.</summary>
    public Uri Endpoint { get; private set; } = null!;

    public async Task Start(CancellationToken stop)
    {
        await _server.StartAsync(stop);
        Endpoint = Listeners.Of(_server.Services)[0];
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();
}
