using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Lavka.Sidecar.Testing;

/// <summary>
/// A way through loopback to a server that a test can spoil: it stops for a while, in both directions or in one; it refuses; it is slow; it breaks in the middle of a message. Paused, it is a
/// partition of the network, in which nobody hears of anybody.
/// </summary>
public sealed class TcpProxy : IAsyncDisposable
{
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly ConcurrentDictionary<Socket, bool> _open = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly int _target;
    private readonly Task _accepting;
    private volatile TaskCompletionSource _forwarding = new();
    private volatile bool _asksGoOn;
    private volatile bool _refuses;
    private long _delay;
    private long _held;
    private long _answerLeft = long.MaxValue;

    private TcpProxy(int target)
    {
        _target = target;
        _forwarding.SetResult();
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
        Port = ((IPEndPoint)_listener.LocalEndPoint!).Port;
        _accepting = Accept();
    }

    /// <summary>Where to connect to.</summary>
    public int Port { get; }

    /// <summary>How many bytes have arrived here since the last pause began, and gone no further.</summary>
    public long Held => Interlocked.Read(ref _held);

    /// <param name="targetPort">The server's port.</param>
    public static TcpProxy Start(int targetPort) => new(targetPort);

    /// <summary>How long what arrives is held up, each time some does; zero: not at all.</summary>
    public TimeSpan Delay
    {
        get => new(Interlocked.Read(ref _delay));
        set => Interlocked.Exchange(ref _delay, value.Ticks);
    }

    /// <summary>Brings nothing on from now on, in neither direction, not even that somebody has closed. New connections are accepted, and hear nothing.</summary>
    /// <param name="answersAlone">What is asked goes on to the server; what it answers does not come back.</param>
    public void Pause(bool answersAlone = false)
    {
        _asksGoOn = answersAlone;
        if (_forwarding.Task.IsCompleted)
        {
            Interlocked.Exchange(ref _held, 0);
            _forwarding = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>Closes all connections, and each new one at once, as the port of a server does that has ended.</summary>
    public void Refuse()
    {
        _refuses = true;
        Cut();
    }

    /// <summary>Brings on what was held, and all that comes.</summary>
    public void Resume()
    {
        _refuses = false;
        _forwarding.TrySetResult();
    }

    /// <summary>Closes the connection that brings the last of so many bytes from the server, after these; once.</summary>
    public void CutAnswerAfter(long bytes) => Interlocked.Exchange(ref _answerLeft, bytes);

    /// <summary>Closes all connections there are.</summary>
    public void Cut()
    {
        foreach (var socket in _open.Keys)
        {
            Close(socket);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        Cut();
        await _accepting;
    }

    private async Task Accept()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                _ = Serve(await _listener.AcceptAsync(_stop.Token));
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // That one has gone again, or all end.
            }
        }
    }

    private async Task Serve(Socket client)
    {
        var server = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _open[client] = _open[server] = true;
        try
        {
            if (_refuses)
            {
                return;
            }

            await Forwarding(isAnswer: false);
            await server.ConnectAsync(IPAddress.Loopback, _target, _stop.Token);
            await Task.WhenAll(Forward(client, server, isAnswer: false), Forward(server, client, isAnswer: true));
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            // To each end the other has gone.
        }
        finally
        {
            Close(client);
            Close(server);
        }
    }

    private async Task Forward(Socket from, Socket to, bool isAnswer)
    {
        try
        {
            var buffer = new byte[16 * 1024];
            int count;
            do
            {
                count = await from.ReceiveAsync(buffer, _stop.Token);
                if (!_forwarding.Task.IsCompleted)
                {
                    Interlocked.Add(ref _held, count);
                }

                await Forwarding(isAnswer);
                if (Delay is { Ticks: > 0 } delay)
                {
                    await Task.Delay(delay, _stop.Token);
                }

                if (isAnswer && Interlocked.Add(ref _answerLeft, -count) < 0)
                {
                    Interlocked.Exchange(ref _answerLeft, long.MaxValue);
                    throw new SocketException((int)SocketError.ConnectionReset);
                }

                for (var sent = 0; sent < count;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), _stop.Token);
                }
            }
            while (count > 0);

            to.Shutdown(SocketShutdown.Send);
        }
        catch
        {
            // A reset is for both ends, once it may be heard.
            await Forwarding(isAnswer);
            Close(from);
            Close(to);
            throw;
        }
    }

    private Task Forwarding(bool isAnswer) => _asksGoOn && !isAnswer ? Task.CompletedTask : _forwarding.Task.WaitAsync(_stop.Token);

    private void Close(Socket socket)
    {
        _open.TryRemove(socket, out _);
        socket.Dispose();
    }
}
