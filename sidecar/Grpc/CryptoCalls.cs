using System.IO.Pipelines;
using Dapr.Client.Autogen.Grpc.v1;
using Google.Protobuf;
using Grpc.Core;
using Lavka.Sidecar.Crypto;

namespace Lavka.Sidecar.Grpc;

/// <summary>The cryptography calls of Dapr's gRPC API (Dapr: reference/api/cryptography_api). Those on single keys daprd does not offer either.</summary>
internal sealed class CryptoCalls(Cryptography crypto)
{
    private static readonly TimeSpan FirstMessageTimeout = TimeSpan.FromSeconds(5);

    public void AddTo(GrpcMethods methods)
    {
        methods.DuplexStream<EncryptRequest, EncryptResponse>("crypto", EncryptAlpha1);
        methods.DuplexStream<DecryptRequest, DecryptResponse>("crypto", DecryptAlpha1);
        NoSubtle<SubtleGetKeyRequest, SubtleGetKeyResponse>("SubtleGetKeyAlpha1");
        NoSubtle<SubtleEncryptRequest, SubtleEncryptResponse>("SubtleEncryptAlpha1");
        NoSubtle<SubtleDecryptRequest, SubtleDecryptResponse>("SubtleDecryptAlpha1");
        NoSubtle<SubtleWrapKeyRequest, SubtleWrapKeyResponse>("SubtleWrapKeyAlpha1");
        NoSubtle<SubtleUnwrapKeyRequest, SubtleUnwrapKeyResponse>("SubtleUnwrapKeyAlpha1");
        NoSubtle<SubtleSignRequest, SubtleSignResponse>("SubtleSignAlpha1");
        NoSubtle<SubtleVerifyRequest, SubtleVerifyResponse>("SubtleVerifyAlpha1");

        void NoSubtle<TRequest, TResponse>(string name)
            where TRequest : class, IMessage<TRequest>, new()
            where TResponse : class, IMessage<TResponse>, new() => methods.Unary<TRequest, TResponse>("subtlecrypto", (_, _) => throw Cryptography.NoSubtle(), name);
    }

    private async Task EncryptAlpha1(IAsyncStreamReader<EncryptRequest> requests, IServerStreamWriter<EncryptResponse> answers, GrpcCall call)
    {
        var first = await First(requests, call);
        var options = first.Options ?? throw NoOptions();
        if (options.KeyName.Length == 0)
        {
            throw Cryptography.Bad("missing property 'keyName' in the options message");
        }

        if (options.KeyWrapAlgorithm.Length == 0)
        {
            throw Cryptography.Bad("missing property 'keyWrapAlgorithm' in the options message");
        }

        var how = new EncryptionOptions(options.KeyName, options.KeyWrapAlgorithm.ToUpperInvariant())
        {
            OmitKeyName = options.OmitDecryptionKeyName,
            DecryptionKeyName = options.DecryptionKeyName,
            Cipher = options.DataEncryptionCipher.ToUpperInvariant(),
        };
        await Run(requests, first, request => (request.Payload, request.Options is not null), payload => answers.WriteAsync(new() { Payload = payload }),
            (input, output) => crypto.Encrypt(options.ComponentName, how, input, output, call.Stop), call);
    }

    private async Task DecryptAlpha1(IAsyncStreamReader<DecryptRequest> requests, IServerStreamWriter<DecryptResponse> answers, GrpcCall call)
    {
        var first = await First(requests, call);
        var options = first.Options ?? throw NoOptions();
        await Run(requests, first, request => (request.Payload, request.Options is not null), payload => answers.WriteAsync(new() { Payload = payload }),
            (input, output) => crypto.Decrypt(options.ComponentName, options.KeyName, input, output, call.Stop), call);
    }

    private static ApiException NoOptions() => Cryptography.Bad("first message does not contain the required options");

    private static async Task<T> First<T>(IAsyncStreamReader<T> requests, GrpcCall call)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(call.Stop);
        limit.CancelAfter(FirstMessageTimeout);
        try
        {
            return await requests.MoveNext(limit.Token) ? requests.Current : throw Cryptography.Failed("error receiving the first message: EOF");
        }
        catch (OperationCanceledException) when (!call.Stop.IsCancellationRequested)
        {
            throw Cryptography.Bad("error waiting for first message: context deadline exceeded");
        }
    }

    private static async Task Run<T>(
        IAsyncStreamReader<T> requests, T first, Func<T, (StreamPayload? Payload, bool HasOptions)> read, Func<StreamPayload, Task> write, Func<PipeReader, Func<byte[], Task>, Task> work, GrpcCall call)
    {
        // A segment and a half: reading ahead of that makes nothing faster.
        var pipe = new Pipe(new PipeOptions(pauseWriterThreshold: 96 * 1024, resumeWriterThreshold: 48 * 1024, useSynchronizationContext: false));
        var feeding = Feed(requests, read(first).Payload, read, pipe.Writer, call.Stop);
        var number = 0ul;
        try
        {
            await work(pipe.Reader, part => write(new() { Data = UnsafeByteOperations.UnsafeWrap(part), Seq = number++ }));
        }
        finally
        {
            // What still comes is not waited for: the call is over, and that ends the feeding.
            await pipe.Reader.CompleteAsync();
        }

        await feeding;
    }

    /// <summary>Brings the messages' data to the pipe. What is wrong with them is for the pipe's reader, like its end.</summary>
    private static async Task Feed<T>(IAsyncStreamReader<T> requests, StreamPayload? payload, Func<T, (StreamPayload? Payload, bool HasOptions)> read, PipeWriter writer, CancellationToken cancellationToken)
    {
        try
        {
            for (var expected = 0ul; ;)
            {
                if (payload is not null)
                {
                    if ((await writer.WriteAsync(payload.Data.Memory, cancellationToken)).IsCompleted)
                    {
                        return;
                    }

                    if (payload.Seq != expected)
                    {
                        throw new CryptoException($"invalid sequence number received: {payload.Seq} (expected: {expected})");
                    }

                    expected++;
                }

                if (!await requests.MoveNext(cancellationToken))
                {
                    break;
                }

                (payload, var hasOptions) = read(requests.Current);
                if (hasOptions)
                {
                    throw new CryptoException("options found in non-leading message");
                }
            }

            await writer.CompleteAsync();
        }
        catch (Exception e) when (e is CryptoException or OperationCanceledException or IOException or InvalidOperationException or RpcException)
        {
            await writer.CompleteAsync(e);
        }
    }
}
