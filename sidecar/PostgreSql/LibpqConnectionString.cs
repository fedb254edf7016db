using System.Text;

namespace Lavka.Sidecar.PostgreSql;

/// <summary>A connection string as PostgreSQL's own client library takes it (PostgreSQL: libpq, Connection Strings): keywords and values, or a URL.</summary>
internal static class LibpqConnectionString
{
    private static readonly string[] Schemes = ["postgres://", "postgresql://"];

    /// <summary>The values by keyword, without those that are empty. Of one that is given twice the last counts.</summary>
    /// <param name="text">The connection string.</param>
    /// <param name="known">The keywords there are: another one after a password may be the password's second half.</param>
    /// <exception cref="FormatException">It does not read. The message has no value from it: one may be a password.</exception>
    public static Dictionary<string, string> Parse(string text, ICollection<string> known)
    {
        var values = Schemes.FirstOrDefault(scheme => text.StartsWith(scheme, StringComparison.Ordinal)) is { } scheme ? ParseUrl(text[scheme.Length..]) : ParseKeywords(text, known);
        foreach (var (keyword, _) in values.Where(pair => pair.Value.Length == 0))
        {
            values.Remove(keyword);
        }

        return values;
    }

    private static Dictionary<string, string> ParseKeywords(string text, ICollection<string> known)
    {
        var values = new Dictionary<string, string>();
        var before = "";
        for (var at = SkipSpace(text, 0); at < text.Length; at = SkipSpace(text, at))
        {
            var start = at;
            while (at < text.Length && text[at] != '=' && !char.IsWhiteSpace(text[at]))
            {
                at++;
            }

            var keyword = text[start..at];
            at = SkipSpace(text, at);
            if (at == text.Length || text[at] != '=')
            {
                // What stands here may be the second half of a password with a space in it.
                throw new FormatException(before.Length == 0 ? "it begins with no keyword=value" : $"after the value of '{before}' comes no keyword=value; a value with spaces is written in single quotes");
            }

            if (before is "password" or "sslpassword" && !known.Contains(keyword))
            {
                throw new FormatException($"after the value of '{before}' comes a keyword that is unknown; a value with spaces is written in single quotes");
            }

            (values[keyword], at) = Value(text, keyword, SkipSpace(text, at + 1));
            before = keyword;
        }

        return values;
    }

    private static (string Value, int End) Value(string text, string keyword, int at)
    {
        var value = new StringBuilder();
        var quoted = at < text.Length && text[at] == '\'';
        for (at += quoted ? 1 : 0; at < text.Length; at++)
        {
            if (quoted ? text[at] == '\'' : char.IsWhiteSpace(text[at]))
            {
                return (value.ToString(), at + 1);
            }

            if (text[at] == '\\' && at + 1 < text.Length)
            {
                at++;
            }

            value.Append(text[at]);
        }

        return quoted ? throw new FormatException($"the value of '{keyword}' has no closing quote") : (value.ToString(), at);
    }

    private static int SkipSpace(string text, int at)
    {
        while (at < text.Length && char.IsWhiteSpace(text[at]))
        {
            at++;
        }

        return at;
    }

    /// <param name="url">What follows the scheme: <c>user:password@host:port/database?keyword=value</c>, each part of which may be missing.</param>
    private static Dictionary<string, string> ParseUrl(string url)
    {
        var values = new Dictionary<string, string>();
        var (address, query) = Cut(url, url.IndexOf('?', StringComparison.Ordinal));
        (address, values["dbname"]) = Cut(address, address.IndexOf('/', StringComparison.Ordinal));
        if (values["dbname"].Contains('@', StringComparison.Ordinal) || query.Contains('@', StringComparison.Ordinal))
        {
            // What stands before it would be taken for the host, the port and the database, which are shown.
            throw new FormatException("an '@' comes after the host; in the user and the password a / ? or @ is written %2F, %3F or %40, and so is an @ after the host");
        }

        if (address.LastIndexOf('@') is >= 0 and var at)
        {
            (var user, address) = Cut(address, at);
            (values["user"], values["password"]) = Cut(user, user.IndexOf(':', StringComparison.Ordinal));
        }

        (values["host"], values["port"]) = Cut(address, address.IndexOf(':', address.LastIndexOf(']') + 1));
        values["host"] = values["host"].Trim('[', ']');
        foreach (var parameter in query.Split('&', StringSplitOptions.RemoveEmptyEntries))
        {
            var (keyword, value) = Cut(parameter, parameter.IndexOf('=', StringComparison.Ordinal));
            values[Uri.UnescapeDataString(keyword)] = value;
        }

        return values.ToDictionary(pair => pair.Key, pair => Uri.UnescapeDataString(pair.Value));
    }

    private static (string Before, string After) Cut(string text, int at) => at < 0 ? (text, "") : (text[..at], text[(at + 1)..]);
}
