using System.Net.Sockets;
using System.Text.RegularExpressions;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Lavka.Sidecar.PubSub;

/// <summary>What the client's exceptions mean.</summary>
internal static partial class RabbitMqErrors
{
    /// <summary>Whether this is how the client says that RabbitMQ or the connection has failed; it says a missing answer in two ways.</summary>
    public static bool IsFailure(Exception e) =>
        e is RabbitMQClientException or IOException or TimeoutException or OperationCanceledException or InvalidOperationException or SocketException;

    /// <summary>What RabbitMQ says to a request that failed, and what to do if it is a matter of what is there already.</summary>
    public static string Explain(Exception e)
    {
        var said = (e as OperationInterruptedException)?.ShutdownReason?.ReplyText ?? (e is OperationCanceledException ? "RabbitMQ does not answer" : e.Message);
        return Inequivalent().Match(said) is { Success: true } match
            ? $"the {match.Groups["kind"]} '{match.Groups["name"]}' exists with other properties than the component's: delete it, once nothing in it is needed, or set the component's fields as it was made ({said})"
            : said;
    }

    /// <summary>Whether trying again is of no use: what RabbitMQ has is not what we want, or it does not let us.</summary>
    public static bool IsRefusal(Exception e) => e is OperationInterruptedException { ShutdownReason.ReplyCode: Constants.PreconditionFailed or Constants.AccessRefused };

    /// <summary>Whether it comes of a connection that broke, and not of the request.</summary>
    public static bool IsLoss(Exception e) => e is OperationInterruptedException { ShutdownReason.ReplyCode: not (>= Constants.AccessRefused and <= Constants.PreconditionFailed) };

    [GeneratedRegex("inequivalent arg .* for (?<kind>queue|exchange) '(?<name>.*?)' in vhost")]
    private static partial Regex Inequivalent();
}
