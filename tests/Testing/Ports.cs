using System.Net;
using System.Net.Sockets;

namespace Lavka.Testing;

/// <summary>Ports of loopback that nobody uses.</summary>
public static class Ports
{
    public static int Free()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
