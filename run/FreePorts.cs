using System.Net;
using System.Net.Sockets;

namespace Lavka.Run;

/// <summary>Ports of loopback that nobody listens at, each given once.</summary>
internal static class FreePorts
{
    // Below the ports that systems give to outgoing connections: one of those could take the port before whoever it is for listens.
    private const int First = 20_000;
    private const int Last = 32_000;

    private static readonly HashSet<int> Given = [];

    /// <summary>Gives none of these: they are for somebody who does not listen yet.</summary>
    public static void Keep(IEnumerable<int> ports)
    {
        lock (Given)
        {
            Given.UnionWith(ports);
        }
    }

    public static int Next()
    {
        lock (Given)
        {
            while (true)
            {
                var port = Random.Shared.Next(First, Last);
                if (Given.Add(port) && IsFree(port))
                {
                    return port;
                }
            }
        }
    }

    private static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
