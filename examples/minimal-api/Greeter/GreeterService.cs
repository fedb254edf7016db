using Grpc.Core;
using MinimalApi.Protos;

namespace MinimalApi;

/// <summary>Greets, once or several times.</summary>
internal sealed class GreeterService : Greeter.GreeterBase
{
    public override Task<HelloReply> SayHello(HelloRequest request, ServerCallContext context) => Task.FromResult(new HelloReply { Message = $"Hello {request.Name}" });

    public override async Task CountDown(CountDownRequest request, IServerStreamWriter<HelloReply> responseStream, ServerCallContext context)
    {
        for (var n = request.From; n > 0; n--)
        {
            await responseStream.WriteAsync(new HelloReply { Message = $"Hello {n}" }, context.CancellationToken);
        }
    }
}
