using Lavka.Sidecar.Go;

namespace Lavka.Sidecar.Observability;

/// <summary>W3C baggage, which goes from a request to what it causes and back to the caller.</summary>
internal static class Baggage
{
    private const string InKeys = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    /// <summary>What is wrong with the header, in daprd's words; null: nothing.</summary>
    public static string? ProblemOf(string header) =>
        string.IsNullOrWhiteSpace(header) ? null : header.Split(',').Select(ProblemOfMember).FirstOrDefault(problem => problem is not null);

    private static string? ProblemOfMember(string member)
    {
        var parts = member.Split(';');
        foreach (var property in parts.Skip(1))
        {
            if (property.Length > 0 && !IsProperty(property))
            {
                return $"invalid baggage list-member property: {GoText.Quote(property)}";
            }
        }

        var (key, value) = Halves(parts[0]);
        return value is null ? $"invalid baggage list-member: {GoText.Quote(member)}"
            : !IsKey(key) ? $"invalid key: {GoText.Quote(key)}"
            : !IsValue(value) ? $"invalid value: {GoText.Quote(value)}"
            : WrongEscape(value) is { } escape ? $"invalid value: invalid URL escape {GoText.Quote(escape)}" : null;
    }

    private static bool IsProperty(string property)
    {
        var (key, value) = Halves(property);
        return IsKey(key) && (value is null || IsValue(value));
    }

    private static (string Key, string? Value) Halves(string pair)
    {
        var parts = pair.Split('=', 2);
        return (parts[0].Trim(), parts.Length == 2 ? parts[1].Trim() : null);
    }

    private static bool IsKey(string key) => key.Length > 0 && !key.AsSpan().ContainsAnyExcept(InKeys);

    private static bool IsValue(string value) => value.All(one => one is > ' ' and < '\x7f' and not ('"' or ',' or ';' or '\\'));

    private static string? WrongEscape(string value)
    {
        for (var at = value.IndexOf('%', StringComparison.Ordinal); at >= 0; at = value.IndexOf('%', at + 1))
        {
            if (at + 2 >= value.Length || !char.IsAsciiHexDigit(value[at + 1]) || !char.IsAsciiHexDigit(value[at + 2]))
            {
                return value[at..Math.Min(at + 3, value.Length)];
            }
        }

        return null;
    }
}
