using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Lavka.Sidecar.Invocation;

/// <summary>Which machine a call comes from, as daprd tells an app that another app invokes (RFC 7239).</summary>
internal static class ForwardedBy
{
    private static readonly Lazy<IReadOnlyList<KeyValuePair<string, string>>> All = new(() =>
    {
        var (address, host) = (Address(), Dns.GetHostName());
        var quoted = address.AddressFamily == AddressFamily.InterNetworkV6 ? $"\"[{address}]\"" : address.ToString();
        return [new("X-Forwarded-For", address.ToString()), new("X-Forwarded-Host", host), new("Forwarded", $"for={quoted};by={quoted};host={host}")];
    });

    /// <summary><c>X-Forwarded-For</c>, <c>X-Forwarded-Host</c> and <c>Forwarded</c> of a request. daprd adds them anew for each try, so that the second has them twice.</summary>
    public static IEnumerable<KeyValuePair<string, string>> Headers(InvocationRequest request) => ++request.Tries == 1 ? All.Value : Enumerable.Repeat(All.Value, request.Tries).SelectMany(all => all);

    private static IPAddress Address() => NetworkInterface.GetAllNetworkInterfaces()
        .Where(card => card.OperationalStatus == OperationalStatus.Up)
        .SelectMany(card => card.GetIPProperties().UnicastAddresses)
        .Select(unicast => unicast.Address)
        .Where(address => !IPAddress.IsLoopback(address) && !address.IsIPv6LinkLocal)
        .OrderBy(address => address.AddressFamily)
        .FirstOrDefault() ?? IPAddress.Loopback;
}
