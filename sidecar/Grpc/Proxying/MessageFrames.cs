using System.Buffers;
using System.Buffers.Binary;
using Grpc.Core;

namespace Lavka.Sidecar.Grpc.Proxying;

/// <summary>Watches the messages of a stream as its bytes pass: each has a head of five bytes, a flag and its length (grpc.io: PROTOCOL-HTTP2).</summary>
/// <param name="largest">How long a message may be; 0: as long as it likes.</param>
internal sealed class MessageFrames(long largest)
{
    private const int HeadLength = 5;

    private readonly byte[] _head = new byte[HeadLength];
    private int _headRead;
    private long _left;

    /// <summary>How many messages have begun.</summary>
    public int Count { get; private set; }

    /// <summary>Whether the bytes so far end where a message does.</summary>
    public bool IsBetween => _left == 0 && _headRead == 0;

    /// <exception cref="RpcException">A message is too long.</exception>
    public void Pass(in ReadOnlySequence<byte> bytes)
    {
        foreach (var segment in bytes)
        {
            Pass(segment.Span);
        }
    }

    /// <exception cref="RpcException">A message is too long.</exception>
    public void Pass(ReadOnlySpan<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            if (_left > 0)
            {
                var passed = (int)Math.Min(_left, bytes.Length);
                _left -= passed;
                bytes = bytes[passed..];
                continue;
            }

            var read = Math.Min(HeadLength - _headRead, bytes.Length);
            bytes[..read].CopyTo(_head.AsSpan(_headRead));
            _headRead += read;
            bytes = bytes[read..];
            if (_headRead == HeadLength)
            {
                _headRead = 0;
                Count++;
                _left = BinaryPrimitives.ReadUInt32BigEndian(_head.AsSpan(1));
                if (largest > 0 && _left > largest)
                {
                    throw new RpcException(new(StatusCode.ResourceExhausted, $"grpc: received message larger than max ({_left} vs. {largest})"));
                }
            }
        }
    }
}
