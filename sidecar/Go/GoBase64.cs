namespace Lavka.Sidecar.Go;

/// <summary>Base64 as Go's <c>base64.StdEncoding</c> reads it: line breaks do not count, and an error names its place.</summary>
internal static class GoBase64
{
    /// <exception cref="FormatException">It is none; the message is Go's.</exception>
    public static byte[] Decode(string text)
    {
        if (CorruptAt(text) is { } at)
        {
            throw new FormatException($"illegal base64 data at input byte {at}");
        }

        return Convert.FromBase64String(text);
    }

    private static int? CorruptAt(string text)
    {
        var digits = 0;
        for (var i = 0; i < text.Length; i++)
        {
            if (char.IsAsciiLetterOrDigit(text[i]) || text[i] is '+' or '/')
            {
                digits++;
            }
            else if (text[i] == '=')
            {
                return Padding(text, i, digits % 4);
            }
            else if (text[i] is not ('\r' or '\n'))
            {
                return i;
            }
        }

        return digits % 4 == 0 ? null : text.Length - digits % 4;
    }

    private static int? Padding(string text, int at, int digits)
    {
        var next = SkipBreaks(text, at + 1);
        if (digits is 0 or 1)
        {
            return at;
        }

        if (digits == 2)
        {
            if (next == text.Length || text[next] != '=')
            {
                return next == text.Length ? next : next - 1;
            }

            next = SkipBreaks(text, next + 1);
        }

        return next < text.Length ? next : null;
    }

    private static int SkipBreaks(string text, int at)
    {
        while (at < text.Length && text[at] is '\r' or '\n')
        {
            at++;
        }

        return at;
    }
}
