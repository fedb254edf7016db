using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Lavka.Sidecar;

/// <summary>
/// Where the APIs listen: at Unix domain sockets, at the addresses that were given, or at loopback alone
/// (Dapr: reference/arguments-annotations-overview, unix-domain-socket and dapr-listen-addresses).
/// </summary>
internal sealed partial class Listeners(SidecarOptions options)
{
    private readonly ILogger _log = options.Logs.CreateLogger<Listeners>();

    /// <param name="kestrel">The server.</param>
    /// <param name="api"><c>http</c> or <c>grpc</c>: a part of the socket's name.</param>
    /// <param name="port">The port, where it is no socket; 0 lets the system choose.</param>
    /// <exception cref="IOException">There is nowhere to listen.</exception>
    public void Add(KestrelServerOptions kestrel, string api, int port)
    {
        if (options.UnixDomainSocket is { } folder)
        {
            kestrel.ListenUnixSocket(SocketIn(folder, api));
        }
        else if (options.ListenAddresses.Count > 0)
        {
            AddAddresses(kestrel, port);
        }
        else if (port == 0)
        {
            kestrel.Listen(IPAddress.Loopback, 0);
        }
        else
        {
            // Both 127.0.0.1 and ::1: "localhost" may be either.
            kestrel.ListenLocalhost(port);
        }
    }

    /// <summary>
    /// Where a started server listens, for example <c>http://127.0.0.1:3500</c> or <c>unix:/run/dapr/dapr-shop-http.socket</c>: in the
    /// order in which it was told so.
    /// </summary>
    public static IReadOnlyList<Uri> Of(IServiceProvider server) =>
    [
        .. server.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses
            .Select(address => address.StartsWith("http://unix:", StringComparison.Ordinal) ? address["http://".Length..] : address)
            .Select(address => new Uri(address)),
    ];

    private string SocketIn(string folder, string api)
    {
        if (!Directory.Exists(folder))
        {
            throw new IOException(
                $"The folder '{folder}' for Unix domain sockets is not there: make it, or give another with --unix-domain-socket.");
        }

        var path = Path.GetFullPath(Path.Combine(folder, $"dapr-{options.AppId}-{api}.socket"));
        try
        {
            _ = new UnixDomainSocketEndPoint(path);
        }
        catch (ArgumentOutOfRangeException)
        {
            throw new IOException($"'{path}' is too long for a Unix domain socket: give another folder with --unix-domain-socket.");
        }

        return path;
    }

    // As in daprd one address of several is enough.
    private void AddAddresses(KestrelServerOptions kestrel, int port)
    {
        var found = 0;
        foreach (var address in options.ListenAddresses)
        {
            try
            {
                var ip = IPAddress.TryParse(address, out var parsed)
                    ? parsed
                    : Dns.GetHostAddresses(address).OrderBy(one => one.AddressFamily).First();
                if (ip.Equals(IPAddress.Any) || ip.Equals(IPAddress.IPv6Any))
                {
                    kestrel.ListenAnyIP(port);
                }
                else
                {
                    // Tells whether this machine has the address.
                    using var socket = new Socket(ip.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
                    socket.Bind(new IPEndPoint(ip, 0));
                    kestrel.Listen(ip, port);
                }

                found++;
            }
            catch (Exception e) when (e is SocketException or ArgumentException)
            {
                LogCannotListen(address, port, e.Message);
            }
        }

        if (found == 0)
        {
            var addresses = string.Join(", ", options.ListenAddresses);
            throw new IOException(
                $"could not listen on any endpoint: this machine has none of the addresses {addresses} (--dapr-listen-addresses).");
        }
    }

    [LoggerMessage(Level = LogLevel.Error, Message = "Failed to listen on TCP address {Address}:{Port} with error: {Problem}")]
    private partial void LogCannotListen(string address, int port, string problem);
}
