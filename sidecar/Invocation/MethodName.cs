using Grpc.Core;
using Lavka.Sidecar.Go;
using Lavka.Sidecar.Http;

namespace Lavka.Sidecar.Invocation;

/// <summary>The name of an invoked method, as daprd reads it and makes a path of it.</summary>
internal static class MethodName
{
    /// <summary>A method without empty, <c>.</c> and <c>..</c> segments; a slash in front of it stays.</summary>
    /// <param name="method">As text, not encoded.</param>
    /// <exception cref="InvocationException">There is something in it that would change which path is called.</exception>
    public static string Clean(string method)
    {
        if (method.AsSpan().IndexOfAny("#?\0") >= 0)
        {
            throw Invalid($"method contains forbidden character: \"{method}\"");
        }

        for (var i = 0; i < method.Length; i++)
        {
            if (char.IsAscii(method[i]) && char.IsControl(method[i]))
            {
                throw Invalid($"method contains control character at position {i}: \"{method}\"");
            }
        }

        var clean = GoPath.Clean(method);
        return method.StartsWith('/') ? clean : clean[1..];
    }

    /// <summary>The path of a method at an HTTP app, with a slash in front.</summary>
    /// <param name="method">As text, not encoded.</param>
    /// <param name="address">The app's address, which the error names.</param>
    /// <exception cref="FormatException">There is a stray <c>%</c> in it.</exception>
    public static string ToPath(string method, string address)
    {
        var path = method.StartsWith('/') ? method : '/' + method;
        if (path.Contains('%', StringComparison.Ordinal))
        {
            GoUrl.Check(address + path);
            path = Uri.UnescapeDataString(path);
        }

        return GoPath.Escape(path);
    }

    private static InvocationException Invalid(string problem) => new($"invalid method: {problem}", StatusCode.InvalidArgument);
}
