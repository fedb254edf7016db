using Google.Protobuf;
using Grpc.Core;

namespace Lavka.Sidecar.Grpc;

/// <summary>How protobuf messages, and bytes that only pass through, become the bytes of a gRPC call.</summary>
internal static class Marshal
{
    /// <summary>A message as it stands: for calls that are passed on unread.</summary>
    public static Marshaller<byte[]> Bytes { get; } = Marshallers.Create(message => message, bytes => bytes);

    /// <summary>A message of Dapr's API.</summary>
    public static Marshaller<T> Of<T>()
        where T : class, IMessage<T>, new()
    {
        var parser = new MessageParser<T>(() => new());
        return Marshallers.Create(
            (message, context) =>
            {
                context.SetPayloadLength(message.CalculateSize());
                message.WriteTo(context.GetBufferWriter());
                context.Complete();
            },
            context => parser.ParseFrom(context.PayloadAsReadOnlySequence()));
    }
}
