using System.Net.Sockets;
using StackExchange.Redis;

namespace Lavka.Sidecar.Redis;

/// <summary>What the client's exceptions mean.</summary>
internal static class RedisErrors
{
    /// <summary>Whether this is how the client says that Redis or the connection has failed, or that Redis refuses.</summary>
    public static bool IsFailure(Exception e) => e is RedisException or RedisTimeoutException or RedisCommandException or ObjectDisposedException or SocketException;

    /// <summary>Whether waiting does not change it: Redis is there and does not want us. A server that loads its data, or is a replica being made the master, is not there yet.</summary>
    public static bool IsRefusal(Exception e) => e switch
    {
        RedisConnectionException { FailureType: ConnectionFailureType.AuthenticationFailure } or RedisCommandException => true,
        RedisServerException server => !(StartsWith(server, "LOADING") || StartsWith(server, "MASTERDOWN") || StartsWith(server, "READONLY") || StartsWith(server, "CLUSTERDOWN") || StartsWith(server, "TRYAGAIN")),
        _ => false,
    };

    /// <summary>Whether the command may be sent again. A write whose connection was lost may have been made; one that was not sent has not.</summary>
    public static bool MayRepeat(RedisConnectionException e, bool isRepeatable) => e.CommandStatus switch
    {
        CommandStatus.Sent => isRepeatable,
        CommandStatus.WaitingToBeSent => true,

        // It has waited for a connection as long as it may.
        _ => false,
    };

    /// <summary>What Redis itself answered, without the failure that the connection makes of it; null: it did not.</summary>
    public static string? Answer(Exception e) => (e as RedisServerException ?? e.InnerException as RedisServerException)?.Message is { } text ? text.Replace("SimpleError: ", "", StringComparison.Ordinal) : null;

    /// <summary>Whether Redis answered with an error of this kind, for instance NOGROUP.</summary>
    public static bool Is(Exception e, string kind) => Answer(e)?.StartsWith(kind, StringComparison.Ordinal) == true;

    private static bool StartsWith(RedisServerException e, string kind) => e.Message.StartsWith(kind, StringComparison.Ordinal);
}
