using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace Lavka.Testing;

/// <summary>Ports of loopback that nobody uses, for programs that must be told theirs.</summary>
public static class Ports
{
    // Below the ports that systems give to outgoing connections: one of those could take the port before the program listens.
    private const int First = 20_000;
    private const int Last = 32_000;
    private static readonly ConcurrentDictionary<int, bool> Given = new();

    public static int Free()
    {
        while (true)
        {
            var port = Random.Shared.Next(First, Last);
            if (Given.TryAdd(port, true) && IsFree(port))
            {
                return port;
            }
        }
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(IPAddress.Loopback, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
