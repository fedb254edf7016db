namespace Lavka.Sidecar.Http;

/// <summary>
/// What is wrong with JSON, in the words of Go's <c>encoding/json</c>: applications log and match what daprd says. It goes through the first value of the text as Go's decoder does;
/// what follows that value does not count.
/// </summary>
internal ref struct GoJsonSyntax
{
    // Go's own limit.
    private const int MaxDepth = 10_000;

    private readonly ReadOnlySpan<byte> _text;
    private int _at;
    private int _depth;
    private string? _problem;

    private GoJsonSyntax(ReadOnlySpan<byte> text) => _text = text;

    /// <summary>The decoder's error; null: the first value is well-formed.</summary>
    public static string? ProblemOf(ReadOnlySpan<byte> text)
    {
        var json = new GoJsonSyntax(text);
        json.SkipSpace();
        if (json._at == text.Length)
        {
            return "EOF";
        }

        json.Value();
        return json._problem;
    }

    private bool Value()
    {
        SkipSpace();
        return Peek() switch
        {
            '{' => Nested(static (ref GoJsonSyntax json) => json.Object()),
            '[' => Nested(static (ref GoJsonSyntax json) => json.Array()),
            '"' => String(),
            't' => Literal("true"),
            'f' => Literal("false"),
            'n' => Literal("null"),
            '-' or (>= '0' and <= '9') => Number(),
            _ => Fail("looking for beginning of value"),
        };
    }

    private delegate bool Part(ref GoJsonSyntax json);

    private bool Nested(Part part)
    {
        _at++;
        if (++_depth > MaxDepth)
        {
            _problem = "exceeded max depth";
            return false;
        }

        var isRight = part(ref this);
        _depth--;
        return isRight;
    }

    private bool Object()
    {
        SkipSpace();
        if (Took('}'))
        {
            return true;
        }

        while (true)
        {
            SkipSpace();
            if (Peek() != '"')
            {
                return Fail("looking for beginning of object key string");
            }

            if (!String())
            {
                return false;
            }

            SkipSpace();
            if (!Took(':'))
            {
                return Fail("after object key");
            }

            if (!Value())
            {
                return false;
            }

            SkipSpace();
            if (Took('}'))
            {
                return true;
            }

            if (!Took(','))
            {
                return Fail("after object key:value pair");
            }
        }
    }

    private bool Array()
    {
        SkipSpace();
        if (Took(']'))
        {
            return true;
        }

        while (Value())
        {
            SkipSpace();
            if (Took(']'))
            {
                return true;
            }

            if (!Took(','))
            {
                return Fail("after array element");
            }
        }

        return false;
    }

    private bool String()
    {
        _at++;
        while (true)
        {
            switch (Peek())
            {
                case '"':
                    _at++;
                    return true;
                case '\\':
                    _at++;
                    if (!Escape())
                    {
                        return false;
                    }

                    break;
                case null or < ' ':
                    return Fail("in string literal");
                default:
                    _at++;
                    break;
            }
        }
    }

    private bool Escape()
    {
        if (Peek() is 'b' or 'f' or 'n' or 'r' or 't' or '\\' or '/' or '"')
        {
            _at++;
            return true;
        }

        if (!Took('u'))
        {
            return Fail("in string escape code");
        }

        for (var digits = 0; digits < 4; digits++)
        {
            if (Peek() is not { } digit || !char.IsAsciiHexDigit(digit))
            {
                return Fail("in \\u hexadecimal character escape");
            }

            _at++;
        }

        return true;
    }

    private bool Number()
    {
        Took('-');
        if (!Took('0') && !Digits())
        {
            return Fail("in numeric literal");
        }

        if (Took('.') && !Digits())
        {
            return Fail("after decimal point in numeric literal");
        }

        if (Took('e') || Took('E'))
        {
            _ = Took('+') || Took('-');
            return Digits() || Fail("in exponent of numeric literal");
        }

        return true;
    }

    private bool Literal(string word)
    {
        for (var i = 1; i < word.Length; i++)
        {
            _at++;
            if (Peek() != word[i])
            {
                return Fail($"in literal {word} (expecting '{word[i]}')");
            }
        }

        _at++;
        return true;
    }

    private bool Digits()
    {
        var start = _at;
        while (Peek() is >= '0' and <= '9')
        {
            _at++;
        }

        return _at > start;
    }

    private void SkipSpace()
    {
        while (Peek() is ' ' or '\t' or '\r' or '\n')
        {
            _at++;
        }
    }

    /// <summary>The byte at hand as a character; null at the end.</summary>
    private readonly char? Peek() => _at < _text.Length ? (char)_text[_at] : null;

    private bool Took(char wanted)
    {
        if (Peek() != wanted)
        {
            return false;
        }

        _at++;
        return true;
    }

    private bool Fail(string context)
    {
        _problem = Peek() is { } unexpected ? $"invalid character {Quoted(unexpected)} {context}" : "unexpected EOF";
        return false;
    }

    /// <summary>A character in single quotes, with Go's escapes.</summary>
    public static string Quoted(char character) => character switch
    {
        '\'' => "'\\''",
        '"' => "'\"'",
        '\\' => "'\\\\'",
        '\a' => "'\\a'",
        '\b' => "'\\b'",
        '\f' => "'\\f'",
        '\n' => "'\\n'",
        '\r' => "'\\r'",
        '\t' => "'\\t'",
        '\v' => "'\\v'",
        < ' ' or '\x7f' => $"'\\x{(int)character:x2}'",

        // Go prints what is printable in Latin-1.
        (>= '\x80' and <= '\xa0') or '\xad' => $"'\\u{(int)character:x4}'",
        _ => $"'{character}'",
    };
}
