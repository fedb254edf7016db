using System.Buffers;
using System.Text;

namespace Lavka.Sidecar.Http;

/// <summary>Paths as Go's net/url and path packages treat them: that decides what daprd calls at an app.</summary>
internal static class GoPath
{
    private static readonly SearchValues<char> Plain = SearchValues.Create("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~$&+,/:;=@");

    /// <summary>A decoded path, encoded the way Go writes it into a request.</summary>
    public static string Escape(string path)
    {
        if (!path.AsSpan().ContainsAnyExcept(Plain))
        {
            return path;
        }

        var escaped = new StringBuilder(path.Length + 16);
        foreach (var rune in path.EnumerateRunes())
        {
            if (rune.IsAscii && Plain.Contains((char)rune.Value))
            {
                escaped.Append((char)rune.Value);
            }
            else
            {
                escaped.Append(Uri.EscapeDataString(rune.ToString()) is var encoded && encoded.StartsWith('%') ? encoded : $"%{rune.Value:X2}");
            }
        }

        return escaped.ToString();
    }

    /// <summary>Whether each percent sign in a path begins an escape; a request whose path has another never reaches daprd's API.</summary>
    public static bool IsEncoded(ReadOnlySpan<char> path)
    {
        for (int at; (at = path.IndexOf('%')) >= 0; path = path[(at + 3)..])
        {
            if (at + 2 >= path.Length || !char.IsAsciiHexDigit(path[at + 1]) || !char.IsAsciiHexDigit(path[at + 2]))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>An absolute path without empty, <c>.</c> and <c>..</c> segments, and without a slash at its end.</summary>
    public static string Clean(string path)
    {
        if (path.Length > 1 && path[0] == '/' && !path.Contains("//", StringComparison.Ordinal) && !path.Contains("/.", StringComparison.Ordinal) && !path.EndsWith('/'))
        {
            return path;
        }

        var clean = new List<string>();
        foreach (var segment in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (segment == "..")
            {
                if (clean.Count > 0)
                {
                    clean.RemoveAt(clean.Count - 1);
                }
            }
            else if (segment != ".")
            {
                clean.Add(segment);
            }
        }

        return '/' + string.Join('/', clean);
    }
}
