using System.Net.Sockets;

namespace Lavka.Sidecar;

/// <summary>Why an address could not be reached, in the words that daprd, being written in Go, has for it.</summary>
internal static class GoNetError
{
    /// <param name="e">What .NET says.</param>
    /// <param name="address">Host and port, where they are known.</param>
    public static string Of(Exception e, string? address = null)
    {
        var dial = address is null ? "dial tcp" : $"dial tcp {address}";
        return e.GetBaseException() is SocketException socket ? socket.SocketErrorCode switch
        {
            SocketError.ConnectionRefused => $"{dial}: connect: connection refused",
            SocketError.TimedOut => $"{dial}: i/o timeout",
            SocketError.HostUnreachable => $"{dial}: connect: no route to host",
            SocketError.NetworkUnreachable => $"{dial}: connect: network is unreachable",
            SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain => $"dial tcp: lookup {address?.Split(':')[0]}: no such host",
            SocketError.ConnectionReset => "read: connection reset by peer",
            _ => socket.Message,
        } : e.Message;
    }
}
