using System.Buffers;
using System.Globalization;
using System.Text;
using Lavka.Sidecar.Go;

namespace Lavka.Sidecar.Http;

internal enum ProtoJsonKind
{
    End,
    ObjectStart,
    ObjectEnd,
    ArrayStart,
    ArrayEnd,
    Comma,
    Text,
    Number,
    Flag,
    Null,
}

/// <summary>A piece of JSON.</summary>
/// <param name="Start">Where it begins, in bytes.</param>
/// <param name="Raw">As it stands there.</param>
/// <param name="Text">A text without quotes and escapes.</param>
internal readonly record struct ProtoJsonToken(ProtoJsonKind Kind, int Start, string Raw, string Text);

/// <summary>JSON in pieces, with the errors of Go's protojson, which name line and column.</summary>
internal sealed class ProtoJsonTokens(byte[] text)
{
    private static readonly SearchValues<byte> InWords =
        SearchValues.Create("-+._0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"u8);

    private int _at;
    private ProtoJsonToken? _next;

    /// <summary>The piece that was read last.</summary>
    public ProtoJsonToken Last { get; private set; }

    /// <summary>Where the last piece ended, in bytes.</summary>
    public int End { get; private set; }

    public ProtoJsonToken Peek() => _next ??= Scan();

    public ProtoJsonToken Next()
    {
        Last = Peek();
        (_next, End) = (null, _at);
        return Last;
    }

    public void TakeColon()
    {
        SkipSpace();
        if (_at == text.Length)
        {
            throw Malformed("unexpected EOF");
        }

        if (text[_at] != ':')
        {
            throw Syntax(_at, $"unexpected character {(char)text[_at]}, missing \":\" after field name");
        }

        _at++;
    }

    public ApiException Unexpected(ProtoJsonToken token) =>
        token.Kind == ProtoJsonKind.End ? Malformed("unexpected EOF") : Syntax(token.Start, $"unexpected token {token.Raw}");

    /// <summary>An error of a value, not of the syntax.</summary>
    public ApiException Error(ProtoJsonToken token, string problem) => Malformed($"({Place(token.Start)}): {problem}");

    public static ApiException Malformed(string problem) => ApiException.Malformed($"failed deserializing HTTP body: proto: {problem}");

    private ApiException Syntax(int at, string problem) => Malformed($"syntax error ({Place(at)}): {problem}");

    private string Place(int at)
    {
        var before = text.AsSpan(0, at);
        var line = before.Count((byte)'\n') + 1;
        return $"line {line}:{Encoding.UTF8.GetString(before[(before.LastIndexOf((byte)'\n') + 1)..]).EnumerateRunes().Count() + 1}";
    }

    private ProtoJsonToken Scan()
    {
        SkipSpace();
        var start = _at;
        return Peek(0) switch
        {
            null => new(ProtoJsonKind.End, start, "", ""),
            '{' => Take(ProtoJsonKind.ObjectStart, 1),
            '}' => Take(ProtoJsonKind.ObjectEnd, 1),
            '[' => Take(ProtoJsonKind.ArrayStart, 1),
            ']' => Take(ProtoJsonKind.ArrayEnd, 1),
            ',' => Take(ProtoJsonKind.Comma, 1),
            '"' => Text(),
            _ when Word.SequenceEqual("true"u8) || Word.SequenceEqual("false"u8) => Take(ProtoJsonKind.Flag, Word.Length),
            _ when Word.SequenceEqual("null"u8) => Take(ProtoJsonKind.Null, Word.Length),
            '-' or (>= '0' and <= '9') when IsNumber(Word) => Take(ProtoJsonKind.Number, Word.Length),
            _ => throw Syntax(start, $"invalid value {Encoding.UTF8.GetString(text, start, InvalidLength())}"),
        };
    }

    private ProtoJsonToken Take(ProtoJsonKind kind, int length)
    {
        var token = new ProtoJsonToken(kind, _at, Encoding.UTF8.GetString(text, _at, length), "");
        _at += length;
        return token;
    }

    private ProtoJsonToken Text()
    {
        var start = _at;
        var unescaped = new StringBuilder();
        for (var i = start + 1; i < text.Length;)
        {
            switch (text[i])
            {
                case (byte)'"':
                    _at = i + 1;
                    return new(ProtoJsonKind.Text, start, Encoding.UTF8.GetString(text, start, _at - start), unescaped.ToString());
                case (byte)'\\':
                    i += Escape(start, i, unescaped);
                    break;
                case < (byte)' ':
                    throw Syntax(start, $"invalid character {GoJsonSyntax.Quoted((char)text[i])} in string");
                default:
                    var end = i + 1;
                    while (end < text.Length && text[end] is not ((byte)'"' or (byte)'\\' or < (byte)' '))
                    {
                        end++;
                    }

                    unescaped.Append(Encoding.UTF8.GetString(text, i, end - i));
                    i = end;
                    break;
            }
        }

        throw Malformed("unexpected EOF");
    }

    /// <summary>How long the escape is.</summary>
    private int Escape(int start, int at, StringBuilder unescaped)
    {
        if (at + 1 == text.Length)
        {
            throw Malformed("unexpected EOF");
        }

        if ("\"\\/bfnrt".IndexOf((char)text[at + 1], StringComparison.Ordinal) is >= 0 and var which)
        {
            unescaped.Append("\"\\/\b\f\n\r\t"[which]);
            return 2;
        }

        if (text[at + 1] != 'u')
        {
            throw InvalidEscape(2);
        }

        var unit = Unit(at);
        if (!char.IsSurrogate(unit))
        {
            unescaped.Append(unit);
            return 6;
        }

        if (char.IsHighSurrogate(unit) && text.AsSpan(at + 6).StartsWith("\\u"u8) && Unit(at + 6) is var low && char.IsLowSurrogate(low))
        {
            unescaped.Append(unit).Append(low);
            return 12;
        }

        throw InvalidEscape(6);

        char Unit(int from) => from + 6 > text.Length ? throw Malformed("unexpected EOF")
            : ushort.TryParse(text.AsSpan(from + 2, 4), NumberStyles.AllowHexSpecifier, null, out var value) ? (char)value
            : throw InvalidEscape(6);

        ApiException InvalidEscape(int length) =>
            Syntax(start, $"invalid escape code {GoText.Quote(Encoding.UTF8.GetString(text, at, length))} in string");
    }

    private static bool IsNumber(ReadOnlySpan<byte> word)
    {
        var i = word[0] == '-' ? 1 : 0;
        var digits = Digits(word, ref i);
        if (digits == 0 || (digits > 1 && word[i - digits] == '0'))
        {
            return false;
        }

        if (i < word.Length && word[i] == '.')
        {
            i++;
            if (Digits(word, ref i) == 0)
            {
                return false;
            }
        }

        if (i < word.Length && word[i] is (byte)'e' or (byte)'E')
        {
            i += i + 1 < word.Length && word[i + 1] is (byte)'+' or (byte)'-' ? 2 : 1;
            if (Digits(word, ref i) == 0)
            {
                return false;
            }
        }

        return i == word.Length;
    }

    private static int Digits(ReadOnlySpan<byte> word, ref int at)
    {
        var start = at;
        while (at < word.Length && word[at] is >= (byte)'0' and <= (byte)'9')
        {
            at++;
        }

        return at - start;
    }

    /// <summary>What is not parted from here on; empty before anything that is no part of a word.</summary>
    private ReadOnlySpan<byte> Word =>
        text.AsSpan(_at) is var rest && rest.IndexOfAnyExcept(InWords) is >= 0 and var length ? rest[..length] : rest;

    // Of a word protojson shows 32 characters, of anything else the first.
    private int InvalidLength() => Word.Length > 0 ? Math.Min(Word.Length, 32)
        : Rune.DecodeFromUtf8(text.AsSpan(_at), out _, out var bytes) == OperationStatus.Done ? bytes : 1;

    private char? Peek(int ahead) => _at + ahead < text.Length ? (char)text[_at + ahead] : null;

    private void SkipSpace()
    {
        while (Peek(0) is ' ' or '\t' or '\r' or '\n')
        {
            _at++;
        }
    }
}
