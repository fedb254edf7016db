using System.Buffers;
using System.IO.Pipelines;
using System.Net;
using Grpc.Core;

namespace Lavka.Sidecar.Grpc.Proxying;

/// <summary>
/// The messages of a proxied call, as they come from the caller. They stream through; only where the call may be made again is the first one kept, and a second one is refused,
/// as in daprd (Dapr: developing-applications/building-blocks/service-invocation/howto-invoke-services-grpc).
/// </summary>
/// <param name="caller">The caller's bytes.</param>
/// <param name="frames">Knows where messages begin.</param>
/// <param name="isKept">Whether the call may be made again.</param>
/// <param name="callEnds">Ends when the call does, with all its tries.</param>
internal sealed class ProxiedRequest(PipeReader caller, MessageFrames frames, bool isKept, CancellationToken callEnds)
{
    /// <summary>What a caller is told whose stream cannot be sent again.</summary>
    public const string NotForStreams = "cannot use resiliency policies with retries on streaming RPCs";

    private readonly ArrayBufferWriter<byte> _kept = new();
    private Task? _first;
    private Task? _rest;

    /// <summary>Why the caller's messages are not passed on any more; null: nothing is wrong with them.</summary>
    public RpcException? Refusal { get; private set; }

    /// <summary>The body of one try.</summary>
    public HttpContent ToContent() => new Body(this);

    private async Task Send(Stream app, CancellationToken cancellationToken)
    {
        try
        {
            // The app learns of the call before there is a message.
            await app.FlushAsync(cancellationToken);
            await (isKept ? SendKept(app, cancellationToken) : Stream(app, cancellationToken));
        }
        catch (RpcException e)
        {
            Refusal = e;
            throw;
        }
    }

    private async Task Stream(Stream app, CancellationToken cancellationToken)
    {
        while (true)
        {
            var read = await caller.ReadAsync(cancellationToken);
            if (!read.Buffer.IsEmpty)
            {
                frames.Pass(read.Buffer);
                foreach (var segment in read.Buffer)
                {
                    await app.WriteAsync(segment, cancellationToken);
                }

                await app.FlushAsync(cancellationToken);
                caller.AdvanceTo(read.Buffer.End);
            }

            if (read.IsCompleted)
            {
                return;
            }
        }
    }

    private async Task SendKept(Stream app, CancellationToken cancellationToken)
    {
        // Shared by all tries: the caller sends its messages only once.
        await (_first ??= ReadFirst()).WaitAsync(cancellationToken);
        await app.WriteAsync(_kept.WrittenMemory, cancellationToken);
        await app.FlushAsync(cancellationToken);
        await (_rest ??= ReadRest()).WaitAsync(cancellationToken);
    }

    private async Task ReadFirst()
    {
        while (await Read() && (frames.Count == 0 || !frames.IsBetween))
        {
        }
    }

    private async Task ReadRest()
    {
        while (await Read())
        {
        }
    }

    /// <summary>False: the caller has sent everything.</summary>
    private async Task<bool> Read()
    {
        var read = await caller.ReadAsync(callEnds);
        foreach (var segment in read.Buffer)
        {
            frames.Pass(segment.Span);
            _kept.Write(segment.Span);
        }

        caller.AdvanceTo(read.Buffer.End);
        return frames.Count > 1 ? throw new RpcException(new(StatusCode.FailedPrecondition, NotForStreams)) : !read.IsCompleted;
    }

    private sealed class Body(ProxiedRequest request) : HttpContent
    {
        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => request.Send(stream, CancellationToken.None);

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken) => request.Send(stream, cancellationToken);

        protected override bool TryComputeLength(out long length)
        {
            length = -1;
            return false;
        }
    }
}
