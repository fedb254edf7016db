using System.Text;

namespace Lavka.Sidecar.Cel;

internal enum CelTokenKind { Name, Int, Double, Text, Symbol, End }

internal readonly record struct CelToken(CelTokenKind Kind, string Text, int Position);

/// <summary>Cuts a CEL expression into tokens (cel-spec, Lexical analysis).</summary>
internal static class CelLexer
{
    private static readonly string[] Symbols = ["==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "(", ")", "[", "]", ",", ".", "?", ":", "+", "-", "*", "/", "%"];

    public static List<CelToken> Read(string text)
    {
        var tokens = new List<CelToken>();
        var at = 0;
        while (true)
        {
            while (at < text.Length && char.IsWhiteSpace(text[at]))
            {
                at++;
            }

            if (at == text.Length)
            {
                tokens.Add(new(CelTokenKind.End, "", at));
                return tokens;
            }

            tokens.Add(Next(text, ref at));
        }
    }

    private static CelToken Next(string text, ref int at)
    {
        var start = at;
        var c = text[at];
        if (char.IsAsciiLetter(c) || c == '_')
        {
            while (at < text.Length && (char.IsAsciiLetterOrDigit(text[at]) || text[at] == '_'))
            {
                at++;
            }

            return new(CelTokenKind.Name, text[start..at], start);
        }

        if (char.IsAsciiDigit(c))
        {
            while (at < text.Length && (char.IsAsciiDigit(text[at]) || text[at] is '.' or 'e' or 'E'))
            {
                at++;
            }

            var number = text[start..at];
            return new(number.AsSpan().ContainsAny("eE.") ? CelTokenKind.Double : CelTokenKind.Int, number, start);
        }

        if (c is '"' or '\'')
        {
            return new(CelTokenKind.Text, Quoted(text, ref at), start);
        }

        var symbol = Symbols.FirstOrDefault(s => string.CompareOrdinal(text, start, s, 0, s.Length) == 0)
            ?? throw new CelException($"unexpected '{c}' at {start} in '{text}'");
        at += symbol.Length;
        return new(CelTokenKind.Symbol, symbol, start);
    }

    private static string Quoted(string text, ref int at)
    {
        var start = at;
        var quote = text[at++];
        var value = new StringBuilder();
        while (at < text.Length && text[at] != quote)
        {
            if (text[at] == '\\' && at + 1 < text.Length)
            {
                at++;
                value.Append(text[at] switch { 'n' => '\n', 't' => '\t', 'r' => '\r', var other => other });
            }
            else
            {
                value.Append(text[at]);
            }

            at++;
        }

        if (at == text.Length)
        {
            throw new CelException($"the string at {start} in '{text}' does not end");
        }

        at++;
        return value.ToString();
    }
}
