using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Nodes;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Grpc.Core;

namespace Lavka.Sidecar.Tests.Contract.Grpc;

/// <summary>A stream that a case has opened.</summary>
internal sealed class RecordedStream : IAsyncDisposable
{
    private readonly AsyncDuplexStreamingCall<byte[], byte[]> _call;
    private readonly MethodDescriptor _method;
    private readonly CancellationTokenSource _cancel = new();
    private readonly SemaphoreSlim _writing = new(1);
    private readonly List<JsonElement> _received = [];
    private readonly Task _reading;
    private Queue<string> _acknowledgements;
    private GrpcAnswer? _end;
    private bool _isEndTaken;
    private int _taken;

    public RecordedStream(CallInvoker caller, MethodDescriptor method, Metadata metadata, IEnumerable<string> acknowledgements)
    {
        (_method, _acknowledgements) = (method, new(acknowledgements));
        _call = caller.AsyncDuplexStreamingCall(Proto.Raw(Proto.NameOf(method), MethodType.DuplexStreaming), null, new(metadata, cancellationToken: _cancel.Token));
        _reading = Read();
    }

    /// <summary>The ids of the events that came.</summary>
    public IReadOnlyList<string> EventIds { get; private set; } = [];

    /// <summary>The last subscription's id that came.</summary>
    public string? SubscriptionId { get; private set; }

    /// <summary>What the client answers to the events that come from now on: one status each, the last repeated.</summary>
    public void Acknowledge(IEnumerable<string> statuses)
    {
        lock (_received)
        {
            _acknowledgements = new(statuses);
        }
    }

    public async Task Send(string json)
    {
        await _writing.WaitAsync();
        try
        {
            await _call.RequestStream.WriteAsync(Proto.Parse(_method.InputType, json).ToByteArray());
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException)
        {
            // The stream is over; how, the recording tells.
        }
        finally
        {
            _writing.Release();
        }
    }

    public async Task HalfClose()
    {
        try
        {
            await _call.RequestStream.CompleteAsync();
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException)
        {
            // As above.
        }
    }

    public void Cancel() => _cancel.Cancel();

    /// <summary>What came since it was asked last, and the end if it came since; waits for as many messages, and for the end where it is to come.</summary>
    public async Task<(IReadOnlyList<JsonElement> Messages, GrpcAnswer? End)> Take(int count, bool withEnd, TimeSpan within, TimeSpan settle)
    {
        bool IsThere()
        {
            lock (_received)
            {
                return _end is not null || (!withEnd && _received.Count - _taken >= count);
            }
        }

        var watch = Stopwatch.StartNew();
        while (!IsThere() && watch.Elapsed < within)
        {
            await Task.Delay(5);
        }

        await Task.Delay(settle);
        lock (_received)
        {
            var messages = _received[_taken..];
            _taken = _received.Count;
            var end = _isEndTaken ? null : _end;
            _isEndTaken = _end is not null;
            return (messages, end);
        }
    }

    public async ValueTask DisposeAsync()
    {
        Cancel();
        await _reading;
        _call.Dispose();
        _cancel.Dispose();
    }

    private async Task Read()
    {
        RpcException? failure = null;
        try
        {
            while (await _call.ResponseStream.MoveNext(CancellationToken.None))
            {
                await Receive(Proto.Print(_method.OutputType, _call.ResponseStream.Current));
            }
        }
        catch (RpcException e)
        {
            failure = e;
        }

        var end = await GrpcAnswer.From(failure, _call.ResponseHeadersAsync, _call.GetTrailers);
        lock (_received)
        {
            _end = end;
        }
    }

    private async Task Receive(JsonElement message)
    {
        var id = message.TryGetProperty("eventMessage", out var sent) ? sent.GetProperty("id").GetString()! : null;
        string? status = null;
        lock (_received)
        {
            SubscriptionId = message.TryGetProperty("id", out var subscription) ? subscription.GetString() : SubscriptionId;
            if (id is not null)
            {
                status = _acknowledgements.Count > 1 ? _acknowledgements.Dequeue() : _acknowledgements.SingleOrDefault();
                EventIds = [.. EventIds, id];
            }
        }

        if (status is not null)
        {
            await Send(new JsonObject { ["eventProcessed"] = new JsonObject { ["id"] = id, ["status"] = new JsonObject { ["status"] = status } } }.ToJsonString());
        }

        lock (_received)
        {
            _received.Add(message);
        }
    }
}
